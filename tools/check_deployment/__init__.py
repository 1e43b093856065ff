"""``spotkeeper check-deployment``: a strict, offline check of what `s deploy` would ship.

* ``document``: the file as the Serverless Devs CLI reads it (YAML 1.2)
* ``resolve``: variables, environment and templates resolved, as `s preview` does it
* ``structure``: every key, type and value against ``s.schema.json``: fc3's own lets nearly everything through
* ``functions``, ``environment``, ``triggers``: rules beyond a schema: sizes, times, names, settings, events
* ``event_pattern``: how EventBridge matches events
"""
