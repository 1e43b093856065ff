"""The rescue of one interrupted spot instance: look, decide, act, look again.

* ``facts``: what is known, as one frozen value
* ``decide``, ``tracks``: what to do next, and why; pure
* ``entry``, ``workflow``: from an event to the loop around the two
* ``source``, ``disks``, ``kept_disks``, ``remember``, ``launch_spec``, ``memberships``, ``image``, ``ladder``,
  ``replacement``: the acts, one file per thing they touch; facts in, facts out
* ``report``, ``dry_run``: the answer

What the journal remembers of a rescue is in ``spotkeeper.episode``.
"""
