"""Checks on the machines of a lifecycle hook, and the hook's completion.

* ``catalogue``: the checks that there are, ``declared``: strict reading of the files that declare them
* ``assignment``: which of them a hook wants, and what its failure means
* ``evidence``: what of a check's output may be shown
"""
