"""Finds what events missed, and invokes the function in charge.

* ``entry``: the jobs in order of urgency; ``jobs``: the shape of a job and its budget; ``answer``: the answer
* ``context``: the run context; ``state``: the state of a rescue, and of leftovers
* ``observe``: instances under the lock, open rescues, images; ``leftovers``: leftovers of finished rescues;
  ``missed_changes``: stopped instances and stop mode; ``pending_actions``: lifecycle actions
* ``decide``: the decisions about rescues and leftovers; pure
* ``actions``: invocations of other functions, and the clean-up
"""
