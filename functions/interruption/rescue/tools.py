"""What the acts work with: one value per rescue and call, instead of six arguments to each function."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from rescue.alive import Life
from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.clock import Clock, Deadline, StepLimit
from spotkeeper.episode import Episode
from spotkeeper.load_balancers import LoadBalancers
from spotkeeper.settings import InterruptionSettings

NOTICE_SECONDS = 300.0
"""Spot instances are released five minutes after the notice."""


@dataclass
class Tools:
    """APIs of the event's region, the journal's episode, the clock, this call's deadline and that of the step.

    A call of an API is tried again until the step's limit where nothing else is said.
    """

    instance_id: str
    settings: InterruptionSettings
    ecs: Api
    load_balancers: LoadBalancers
    episode: Episode
    clock: Clock
    deadline: Deadline
    step: StepLimit
    audit: Audit
    life: Life
    touched: list[str] = field(default_factory=list)
    """Disks whose flag this call may have changed while nobody could write down what it was."""
    own_images: set[str] = field(default_factory=set)
    """Images that are proven to be this rescue's: CreateImage has answered with them, or their disks tell."""
    taken_names: set[int] = field(default_factory=set)
    """Tries whose image name belongs to somebody else's image."""
    attempt: int = 0
    """The number of this call's ``attempt`` record; 0 until it stands."""
    refused: set[str] = field(default_factory=set)
    """ClientTokens of the RunInstances calls that this call has seen refused."""
    undeleted: dict[str, str] = field(default_factory=dict)
    """Failed images of this rescue that could not be deleted, with why."""
    too_dear: list[str] = field(default_factory=list)
    """What has to be said of launch options that this call has skipped for the source's SpotPriceLimit."""

    def token(self, *parts: str) -> str:
        """A ClientToken (64 ASCII characters at most) that is the same for the same call of the same episode."""
        text = "\n".join((self.episode.home, self.episode.name, *parts))
        return "sk-" + hashlib.sha256(text.encode()).hexdigest()[:60]
