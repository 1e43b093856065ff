"""Why a build ends without a ``dist/``."""

from __future__ import annotations


class BuildFailed(Exception):
    """What would have been built is not what was asked for; ``status`` is the exit status."""

    status = 1


class PythonMissing(BuildFailed):
    """There is no CPython 3.10 to make bytecode with; the message says how to get one."""

    status = 2
