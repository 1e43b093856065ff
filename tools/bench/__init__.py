"""``make bench``: what a cold start of each built function costs, as ratios to what it is compared with.

* ``compare``: the command
* ``stage``: copies of ``dist/`` and of the same packages in the official samples' style (``sample``)
* ``readonly``: a mount that nothing can be written to, or the nearest thing that this machine permits
* ``measure``: processes in turn, each from its start to its first API request on the wire (``listener``)
* ``runner``: what runs in such a process: a function, called as Function Compute calls it
* ``sizes``: the vCPU of each function, from ``s.yaml``
* ``report``: medians, the table, and whether the targets hold
"""
