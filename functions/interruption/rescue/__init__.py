"""The rescue of one interrupted spot instance: look, decide, act, look again.

* ``facts``: what is known, as one frozen value
* ``decide``, ``tracks``: what to do next, and why; pure
* ``entry``, ``workflow``: from an event to the loop around the two
* ``launch_spec``, ``launch_options``, ``carried``, ``carried_disks``, ``carried_tags``: what the replacement gets; pure
* ``source``, ``disks``, ``kept_disks``, ``remember``, ``search``, ``memberships``, ``image``: the acts, one file per
  thing that they touch; facts in, facts out
* ``asks``, ``ladder``, ``launches``, ``replacement``, ``succession``, ``surplus``: the same for what is launched
* ``report``, ``dry_run``: the answer; ``trail``: the audit records
* ``tools``: what the acts work with (APIs, journal, clock, deadline)

The order of the ladder is in ``launch_options``; what a refusal means for it is in ``ladder``.
What the journal remembers of a rescue is in ``spotkeeper.episode``.
"""
