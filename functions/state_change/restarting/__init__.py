"""The work after a state change: nothing, a start, or the end of a rescue in stop mode.

* ``entry``: from an event to the loop, with the table of actions and answers
* ``state``: the state of a call; ``observe``: reads of the instance and of the journal
* ``steps``; ``decide``: the next step with its reason; pure (stopped instances: ``spotkeeper.restart_decision``)
* ``actions``: the start (``instance``), the ``memberships``, the records of restarts and of the rescue (``journal``)
* ``answer``: the answers and the plan; ``audit_records``: the audit records of a step; ``context``: the run context
"""
