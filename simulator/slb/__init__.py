"""Classic Load Balancer (CLB, API product Slb, version 2014-05-15)."""

from simulator.slb.describe import Describes
from simulator.slb.write import Writes


class Slb(Describes, Writes):
    """The CLB operations that a rescue needs, with helpers to seed load balancers and to make them misbehave."""


__all__ = ["Slb"]
