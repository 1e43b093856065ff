"""Why a deployment ends."""

from __future__ import annotations


class DeployFailed(Exception):
    """A step did not do what it should; the message says what stands and how to go on. ``status``: the exit status."""

    status = 1


class CannotDeploy(DeployFailed):
    """Nothing was changed; the message says what is missing and how to get it."""

    status = 2
