"""Find what events missed, and hand it to the function whose job it is.

* ``observe``: instances under the lock, open and finished episodes, images, retained disks
* ``decide``: which rescues nobody works on, and what finished ones left behind; pure
* ``act``: hand over, clean up
* ``hand_back``: the same three for ``state_change``: stopped instances that are due, stop mode that runs again
* ``hooks``: the same three for ``lifecycle_hook``: lifecycle actions whose notification got lost
* ``entry``: all of it in a row, and the answer
"""
