"""The tags that the replacement gets of its source. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from spotkeeper.episode import EPISODE_TAG
from spotkeeper.hooks import ALIVE_TAG, FAILED_TAG

TAG_LIMIT = 20
PLATFORM_PREFIXES = ("acs:", "aliyun", "ack.", "k8s.", ALIVE_TAG)
STATE_TAGS = frozenset({EPISODE_TAG, FAILED_TAG})


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The user's tags: neither the platform's nor those of an earlier rescue."""
    return {key: tags[key] for key in tags if key not in STATE_TAGS and not key.startswith(PLATFORM_PREFIXES)}


def carried_tags(tags: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The user's tags within the limit (the episode's tag needs a place), and a text for each of the others.

    Tags that Spotkeeper reads come first: without them the replacement would not be managed.
    """
    own = own_tags(tags)
    ours_first = sorted(own.items(), key=lambda tag: not tag[0].startswith("spotkeeper:"))
    kept = dict(ours_first[: TAG_LIMIT - 1])
    return kept, [f"tag {key}: an instance has {TAG_LIMIT} tags at most" for key in own if key not in kept]
