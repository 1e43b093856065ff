"""Everything Spotkeeper raises.

Function Compute's asynchronous retry calls again after each of these errors, and calling again is always safe.
"""

from __future__ import annotations

from typing import Any


class SpotkeeperError(Exception):
    """Base of all errors of Spotkeeper."""


class MalformedEvent(SpotkeeperError):
    """The event cannot be understood: not JSON, wrong types, no kind, no or ill-formed instance id or region."""


class BadSetting(SpotkeeperError):
    """An environment variable is missing, unknown or has a value that is not accepted; the message names it."""


class BadCheck(SpotkeeperError):
    """A check or a hook's choice of checks (``checks.json``, ``hooks.json``, notificationMetadata) is not accepted."""


class NoCredentials(SpotkeeperError):
    """Neither the function's context nor the environment nor the default chain has credentials."""


class CloudError(SpotkeeperError):
    """An API call was refused.

    ``action`` is the API's name (``CreateImage``), ``resource`` its resource; ``code``, ``status`` (HTTP) and
    ``request_id`` are the answer's, ``retry_after`` is the server's hint in seconds (header ``x-acs-retry-after``).
    """

    def __init__(  # noqa: PLR0913 - an operator needs all of these to find the call
        self,
        action: str,
        resource: str,
        code: str,
        message: str = "",
        *,
        status: int | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.action = action
        self.resource = resource
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.detail = message
        super().__init__(self._worded())

    def _worded(self) -> str:
        request = self.request_id or "none"
        return f"{self.action} on {self.resource} was refused: {self.code} ({self.detail}; request id {request})"


class CloudUnreachable(CloudError):
    """The endpoint gave no readable answer. The call may or may not have been executed."""

    def _worded(self) -> str:
        return f"{self.action} on {self.resource} got no usable answer: {self.code} ({self.detail})"


class JournalUnavailable(SpotkeeperError):
    """The journal cannot be read or written; the message names the record and the settings to check."""

    def adding(self, text: str) -> JournalUnavailable:
        """The same error with a longer message."""
        more = type(self).__new__(type(self), f"{str(self).rstrip('.')}.{text}")
        more.__dict__.update(self.__dict__)
        return more


class UnreadableRecord(JournalUnavailable):
    """A journal record cannot be used, and that does not pass by itself; other records may be readable."""


class InaccessibleRecord(UnreadableRecord):
    """A journal record is archived, encrypted with a foreign key, or out of the role's reach."""


class UnknownFormat(UnreadableRecord):
    """A journal record has a format that this version does not know."""


class BrokenRecord(UnreadableRecord):
    """A journal record has a content that Spotkeeper does not write: another program wrote or changed it."""

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        super().__init__(f"journal record {key} {problem}; another program wrote it. Move it away.")


class WaitFailed(SpotkeeperError):
    """A resource reached a failure state during a wait. ``last`` is the resource as it was seen last."""

    def __init__(self, message: str, last: Any = None) -> None:
        super().__init__(message)
        self.last = last


class DeadlineReached(SpotkeeperError):
    """The time of this call is up; the next call continues."""


class NoProgress(SpotkeeperError):
    """A step changed nothing, so that the loop would take it for ever: a mistake in Spotkeeper."""


class NoCapacity(SpotkeeperError):
    """Every launch option was refused until this call's time was up; the message lists the last refusals."""


class RestartRefused(SpotkeeperError):
    """StartInstance was refused; ``code`` is the API's. The sweep tries again after growing pauses."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class RescueFailed(SpotkeeperError):
    """The rescue needs a human; the message says which data are safe and what to do."""


class RescueIncomplete(RescueFailed):
    """Steps of a rescue were refused, and steps that do not need them are done. The message names each refusal.

    Also raised where memberships were not all found before the source was released.
    """


class RescueLost(RescueFailed):
    """The source is released and no usable image of it exists; the message names the disks that are left."""


class BatchFailed(SpotkeeperError):
    """At least one element of a batch failed. ``results`` has an answer for each element, in their order."""

    def __init__(self, message: str, results: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.results = results
