"""Spotkeeper: what two or more of its functions need."""
