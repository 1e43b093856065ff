"""Object Storage Service (OSS): what a journal of small objects needs."""

from simulator.oss.service import Oss

__all__ = ["Oss"]
