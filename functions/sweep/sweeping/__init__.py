"""Find what events missed, and hand it to the function whose job it is.

* ``observe``: instances under the lock, open and finished episodes, images, retained disks
* ``decide``: which rescues nobody works on, and what finished ones left behind; pure
* ``act``: hand over, clean up
* ``hand_back``: the same three for ``state_change``: stopped instances that are due, stop mode that runs again
* ``entry``: the three in a row, and the answer
"""
