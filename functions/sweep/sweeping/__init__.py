"""Find what events missed, and hand it over to the function whose job it is.

* ``entry``: the jobs in order of urgency; ``jobs``: the shape of a job, its budget, and the answer
* ``context``: the run context; ``state``: what is known of a rescue, and of what one left
* ``reader``: instances under the lock, open rescues, images; ``leftovers``: what finished rescues left;
  ``returns``: stopped instances that are due, and stop mode that runs again; ``pending_actions``: lifecycle actions
* ``decide``: which rescues nobody works on, and what of finished ones is deleted; pure
* ``actions``: what is handed over, and cleaned up
"""
