"""The run context of a rescue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rescue.sign_writer import SignWriter
from spotkeeper import episode
from spotkeeper.episode import Episode
from spotkeeper.errors import JournalUnavailable
from spotkeeper.load_balancers.search import MembershipSearch
from spotkeeper.run_context import RunContext
from spotkeeper.settings.interruption import InterruptionSettings

NOTICE_SECONDS = 300.0
"""Spot instances are released five minutes after the notice."""


@dataclass(kw_only=True)
class Context(RunContext[InterruptionSettings]):
    """``event`` is the notice, and ``call`` the record of this call, as the journal has them."""

    instance_id: str
    episode: Episode
    event: Mapping[str, Any]
    call: Mapping[str, Any]
    signs: SignWriter
    search: MembershipSearch | None = None
    journal_error: JournalUnavailable | None = None
    unrecorded_disks: list[str] = field(default_factory=list)
    """Disks whose flag this call may have changed without a record of the former flag."""
    own_images: set[str] = field(default_factory=set)
    """Images that are proven to be this rescue's, by the answer of CreateImage or by their disks."""
    taken_names: set[int] = field(default_factory=set)
    """Tries whose image name belongs to an image of another owner."""
    attempt: int = 0
    """The number of this call's ``attempt`` record; 0 before it is written."""
    refused_tokens: set[str] = field(default_factory=set)
    """ClientTokens of RunInstances calls that were refused in this call."""
    started: set[str] = field(default_factory=set)
    """Replacements that this call has seen Starting or Running."""
    stopped_since: dict[str, float] = field(default_factory=dict)
    """Since when this call sees a replacement Stopped without a break, by instance id."""
    remains: dict[str, str] = field(default_factory=dict)
    """Warnings about what remains of this rescue's failed images, by resource."""
    above_price_limit: list[str] = field(default_factory=list)
    """Warnings about launch options that this call has skipped for the source's SpotPriceLimit."""

    def load(self, now: float, *, under_lock: bool = False) -> None:
        """Read the records of the event's episode. See ``episode.load``."""
        self.episode = episode.load(self.episode, self.event["time"], now, under_lock=under_lock)
        self.subject = subject_of(self.episode)


def subject_of(episode: Episode) -> str:
    """ClientTokens belong to an episode: the next episode never adopts what an earlier episode has launched."""
    return f"{episode.home}\n{episode.name}"
