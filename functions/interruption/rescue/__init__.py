"""The rescue of an interrupted spot instance: look, decide, act, look again.

* ``entry``: from an event to the loop; ``workflow``: the loop's actions, the time limit of a step, refused steps
* ``state``: what a call knows, a frozen value; ``context``: the run context, ``sign_writer``: its signs of life
* ``steps``, ``step_conditions``, ``decide``: the steps and their order, when and why a step is due, the next step; pure
* ``next_try``: when a refused step is tried again; pure
* ``launch_spec``: the replacement's settings and the launch options; pure
* ``actions``: one file per resource; state in, state out
* ``answer``, ``dry_run``, ``audit_records``: the answers, the plan, and the audit record of a step

The journal records of a rescue are in ``spotkeeper.episode``.
"""
