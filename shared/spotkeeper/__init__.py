"""Spotkeeper: what two or more of its functions need."""

__version__ = "0.1.0"
