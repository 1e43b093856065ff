"""The rescue of one interrupted spot instance: look, decide, act, look again.

* ``entry``: from an event to the loop; ``workflow``: the actions, the time limit of a step, and refused steps
* ``state``: what a call knows, as one frozen value; ``context``: the run context
* ``steps``, ``decide``: the steps, their order, and the next one with its reason; pure. ``refusals``: the next try
* ``launch_spec``, ``launch_options``, ``carried``, ``carried_disks``, ``carried_tags``: what the replacement gets; pure
* ``actions/episode``, ``source``, ``disks``, ``kept_disks``, ``remember``, ``search``, ``memberships``, ``image``: the
  actions, one file per resource; state in, state out
* ``asks``, ``ladder``, ``launches``, ``replacement``, ``succession``, ``surplus``: the same for what is launched
* ``answer``, ``dry_run``: the answers and the plan; ``audit_records``: what the audit says of a step

The order of the ladder is in ``launch_options``; what a refusal means for it is in ``ladder``.
What the journal remembers of a rescue is in ``spotkeeper.episode``.
"""
