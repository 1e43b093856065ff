"""Everything Spotkeeper raises, in one tree.

    SpotkeeperError
    ├── MalformedEvent         the input cannot be understood; trying again will not help
    ├── BadSetting             an environment variable is missing or has a value that is not accepted
    ├── BadCheck               a check, or which checks a hook wants, is declared wrongly
    ├── NoCredentials          nobody gave us an access key
    ├── CloudError             an API refused, with its code and request id
    │   └── CloudUnreachable   no answer, or one that is not Alibaba Cloud's
    ├── JournalUnavailable     the journal cannot be read or written
    │   └── UnreadableRecord   one record of it cannot be used; the rest is readable
    │       ├── RefusedRecord  the journal does not give it
    │       └── BrokenRecord   it is not what Spotkeeper writes
    ├── WaitFailed             what was waited for reached a state from which it will not recover
    ├── DeadlineReached        this call's time is up; the next call continues
    ├── NoProgress             a step changed nothing: a mistake in Spotkeeper
    ├── NoCapacity             no launch option had stock; the next call starts over
    ├── RestartRefused         a stopped instance could not be started: no stock, arrears …
    ├── RescueFailed           the rescue cannot go on without a human
    │   ├── RescueIncomplete   steps were refused; what does not need them is done
    │   └── RescueLost         the source is gone and there is no image
    └── BatchFailed            some elements of a batch failed; ``results`` has the answers of all

Whatever is raised makes Function Compute's asynchronous retry call again, and calling again is always safe.
"""

from __future__ import annotations

from typing import Any


class SpotkeeperError(Exception):
    """Base of all errors that Spotkeeper raises."""


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

    ``action`` is the API's name (``CreateImage``), ``resource`` what it was about, ``code``, ``status`` (HTTP) and
    ``request_id`` are the answer's, ``retry_after`` the server's hint in seconds (header ``x-acs-retry-after``).
    """

    def __init__(  # noqa: PLR0913 - one field per fact that an operator needs to find the call
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
    """The endpoint gave no answer, or one that cannot be read. The call may or may not have been executed."""

    def _worded(self) -> str:
        return f"{self.action} on {self.resource} got no usable answer: {self.code} ({self.detail})"


class JournalUnavailable(SpotkeeperError):
    """The journal cannot be read or written; the message names it and says what to check."""

    def adding(self, text: str) -> JournalUnavailable:
        """The same error with more to say."""
        more = type(self).__new__(type(self), f"{str(self).rstrip('.')}.{text}")
        more.__dict__.update(self.__dict__)
        return more


class UnreadableRecord(JournalUnavailable):
    """One journal record cannot be used, and that does not pass by itself; others may well be readable."""


class RefusedRecord(UnreadableRecord):
    """The journal does not give a record: it is archived, encrypted with a foreign key, or the role may not read it."""


class UnknownFormat(UnreadableRecord):
    """A journal record has a format that this version does not know."""

    def __init__(self, key: str, known: int) -> None:
        super().__init__(
            f"journal record {key} has format {known}, which this version of Spotkeeper cannot read: a later version "
            "wrote it. Deploy that version, or move the record away"
        )


class BrokenRecord(UnreadableRecord):
    """A journal record is not what Spotkeeper writes: somebody else wrote or changed it."""

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(f"journal record {key} {problem}; somebody else wrote it. Move it away.")


class WaitFailed(SpotkeeperError):
    """A waited-for resource reached a failure state. ``last`` is the last thing seen of it."""

    def __init__(self, message: str, last: Any = None) -> None:
        super().__init__(message)
        self.last = last


class DeadlineReached(SpotkeeperError):
    """This invocation's time is up before the work was; the next invocation continues where it stopped."""


class NoProgress(SpotkeeperError):
    """A step changed nothing, so that the loop would take it for ever."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}: this is a mistake in Spotkeeper, please report it")


class NoCapacity(SpotkeeperError):
    """Every launch option was refused until this call's time was up; the message lists the last refusals."""


class RestartRefused(SpotkeeperError):
    """StartInstance was refused; ``code`` is the API's. The sweep hands the instance back, more and more seldom."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class RescueFailed(SpotkeeperError):
    """The rescue cannot be finished without a human; the message says what is safe and what to do."""


class RescueIncomplete(RescueFailed):
    """Steps of a rescue were refused; what does not need them is done. The message names each with its refusal.

    Also raised where memberships were not all found before the source was released.
    """


class RescueLost(RescueFailed):
    """The source is released and no usable image of it exists; the message names the disks that are left."""


class BatchFailed(SpotkeeperError):
    """At least one element of a batch failed. ``results`` has one answer per element, in their order."""

    def __init__(self, message: str, results: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.results = results
