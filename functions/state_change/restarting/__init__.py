"""What a state change leads to: nothing, a start, or the end of a rescue in stop mode.

* ``facts``: what a call knows, ``observe``: how it comes to know it
* ``decide``: the one next step, with its reason; pure (``spotkeeper.restart_rules`` judges stopped instances)
* ``act``: start and wait, ``places``: the recorded places, ``serve``: back into them with the old weights
* ``workflow``: the loop of these, ``trail``: its audit records, ``report``: its answer
"""
