"""Function Compute 3.0 (API version 2023-03-30): asynchronous invocations of functions of this process."""

from simulator.fc.service import Fc

__all__ = ["Fc"]
