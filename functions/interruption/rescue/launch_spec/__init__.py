"""The launch spec: what the replacement gets of its source, and the launch options. Pure.

* ``spec``: the record, and the RunInstances parameters; ``options``: the launch options in their order
* ``instance_settings``, ``disk_settings``, ``tags``: what becomes of each setting
"""
