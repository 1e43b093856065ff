"""Checks on instances, and the pending lifecycle actions that wait for them.

* ``catalogue``: the checks, ``json_fields``: the reading of their files; ``assignment``: the checks of a hook
* ``state``: the state of a lifecycle action; ``decide``: the next step (``steps``) with its reason; pure
* ``progress``: the progress of the checks on each instance; pure
* ``observe``: reads of hook and action, ``readiness``: instances that a command can reach
* ``evidence``: the shown part of an output
* ``actions``: heartbeats, commands, the completion, the removal of failed instances, tags
* ``failed_call``: refused steps, and the hook after a failed call; ``answer``, ``audit_records``: the outcome of a call
* ``context``: the run context
* ``check_on_demand``: checks without a hook; ``entry``: from an event to either
"""
