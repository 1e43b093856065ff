"""Checks on machines, and the lifecycle actions that wait for them.

* ``catalogue``: the checks that there are, ``declared``: how their files are read; ``assignment``: which of them a hook
  wants
* ``state``: what a call knows of a lifecycle action; ``decide``: the one next step (``steps``), with its reason; pure
* ``progress``: how far the checks have come on each machine; pure
* ``observe``: the hook, the action, ``machines``: whom a command can reach, ``commands``: running one, how it ended
* ``evidence``: what of an output is shown
* ``actions``: heartbeats, checks, the completion, the removal of failed machines, the tags on machines meanwhile
* ``own_failure``: refused calls; ``answer``, ``audit_records``: what a call tells; ``context``: its run context
* ``demand``: the same checks without a hook, ``entry``: from an event to either
"""
