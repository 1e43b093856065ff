"""Finds what events missed, and invokes the function in charge.

* ``entry``: from an event to its answer; ``jobs``: the jobs in order of urgency; ``report``: a job within its budget,
  and the results of all jobs; ``answer``: the answer
* ``context``: the run context; ``state``: the state of a rescue, and of leftovers
* ``observe``: instances under the lock, open rescues, images; ``leftovers``: leftovers of finished rescues;
  ``missed_changes``: stopped instances and stop mode; ``lifecycle_actions``: pending lifecycle actions
* ``decide``: the decisions about rescues and leftovers; pure
* ``actions``: invocations of other functions, and the clean-up
"""
