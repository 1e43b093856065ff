"""Object Storage Service (OSS): the operations of a journal of small objects."""

from simulator.oss.service import Oss

__all__ = ["Oss"]
