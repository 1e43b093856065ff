"""The typed command ``spotkeeper``.

* ``main``: the commands in their order, and how an invocation ends
* ``develop``, ``account``: the commands; each imports what it runs when it runs, so that the others cost it no time
* ``options``: options and types that several commands share
* ``make``: make's targets as doors to the commands
"""
