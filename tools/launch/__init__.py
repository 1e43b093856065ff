"""``spotkeeper launch`` and ``simulate-interruption``: a spot instance to try with, and a simulated interruption.

* ``options``: the options of a launch
* ``market``: images, prices and stock as they are now
* ``launching``: RunInstances' dry run, show, ask, create, wait until it runs
* ``interrupting``: CloudMonitor's simulated event
"""
