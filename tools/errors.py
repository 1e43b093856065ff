"""How a command ends that did not do what it was asked to do."""

from __future__ import annotations


class CommandFailed(Exception):
    """A step failed. The message says what exists now and how to go on; ``status`` is the exit code."""

    status = 1


class NothingDone(CommandFailed):
    """Nothing was changed. The message says what is missing or wrong, and what is accepted."""

    status = 2


class BuildFailed(CommandFailed):
    """The build would differ from what this checkout describes."""


class PythonMissing(BuildFailed):
    """No CPython of the runtime was found to make bytecode with; the message says how to get it."""

    status = 2
