"""Why nothing was launched."""

from __future__ import annotations


class LaunchFailed(Exception):
    """The cloud did not do what it should; the message says what there is now. ``status``: the exit status."""

    status = 1


class CannotLaunch(LaunchFailed):
    """Nothing was created; the message says what is wrong or missing, and what is accepted."""

    status = 2
