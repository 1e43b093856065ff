"""Kill it anywhere: the real functions on the embedded cloud, disturbed in every way, judged by named invariants.

* ``schedule``: what happens to a rescue, as data that fits into one line and can be played again
* ``scenarios``: the fleets, timings and settings that it happens to
* ``world``, ``turns``: one cloud with the functions, deliveries one after the other or side by side
* ``stages``, ``deeds``: what the functions find there, and what somebody else does meanwhile
* ``run``: plays one schedule as Function Compute would, sweeps until nothing is open, and tells the story
* ``invariants``: what must be true of every story
* ``command``, ``search``, ``shrink``, ``report``: all kills in all scenarios, and random combinations; the shortest way
  to a violation; the table
"""
