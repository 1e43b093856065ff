"""``make drill``: one event on the embedded cloud, with the real SDKs, proven by reading the cloud back.

* ``delivery``: the command
* ``subject``: whom an event is about, and which function it belongs to
* ``stage``: the cloud, the functions and the delivery; what every drill has
* ``rescue``, ``state_change``, ``lifecycle_hook``: what is around the event's instance, and the proof
"""
