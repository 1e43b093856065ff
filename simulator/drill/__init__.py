"""``make drill``: one event on the embedded cloud, with the real SDKs, proven by reading the cloud back.

* ``delivery``: the command
* ``subject``: the instance of an event, and its function
* ``stage``: the cloud, the functions and the delivery; the base of every drill
* ``rescue``, ``state_change``, ``lifecycle_hook``: the surroundings of the event's instance, and the proof
"""
