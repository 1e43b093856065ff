"""What a state change leads to: nothing, a start, or the end of a rescue in stop mode.

* ``entry``: from an event to the loop, with the table of actions and answers
* ``state``: what a call knows; ``observe``: reading the instance and the journal
* ``decide``: the steps, and the next one with its reason; pure (``spotkeeper.restart_rules`` judges stopped instances)
* ``actions``: start and wait (``instance``), the journal's records (``restarts``), the end of the rescue (``rescue``)
* ``serve``: back into the groups with the recorded weights
* ``answer``: the answers and the plan, ``audit_records``: what the audit says of a step
* ``context``: the run context of a call
"""
