"""The tags that the replacement gets of its source. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from spotkeeper.episode import EPISODE_TAG
from spotkeeper.hooks import ALIVE_TAG, FAILED_TAG
from spotkeeper.settings.types import TagFilter

TAG_LIMIT = 20
PLATFORM_PREFIXES = ("acs:", "aliyun")
"""Keys that RunInstances refuses."""
CLUSTER_PREFIXES = ("ack.", "k8s.")
"""Keys that ACK and Kubernetes write on their instances; RunInstances accepts them."""
STATE_TAGS = frozenset({EPISODE_TAG, FAILED_TAG})


def own_tags(tags: Mapping[str, str], managed_key: str = "") -> dict[str, str]:
    """The user's tags: neither the platform's, nor a cluster's, nor those of an earlier rescue.

    The key of SPOTKEEPER_MANAGED_TAG is the user's even if it begins like a cluster's.
    """
    accepted = {key: tags[key] for key in tags if not key.startswith((*PLATFORM_PREFIXES, ALIVE_TAG))}
    ours = STATE_TAGS.union(key for key in accepted if key.startswith(CLUSTER_PREFIXES) and key != managed_key)
    return {key: value for key, value in accepted.items() if key not in ours}


def carried_tags(tags: Mapping[str, str], managed: TagFilter | None) -> tuple[dict[str, str], list[str]]:
    """The user's tags within the limit (the episode's tag needs a place), and a text for each tag that is left out.

    The managed tag comes first, then the other tags that Spotkeeper reads: without them the replacement would not be
    managed. The platform's tags and those of an earlier rescue are left out without a text.
    """
    managed_key = managed.key if managed else ""
    own = own_tags(tags, managed_key)
    ours_first = sorted(own, key=lambda key: (key != managed_key, not key.startswith("spotkeeper:")))
    kept = {key: own[key] for key in ours_first[: TAG_LIMIT - 1]}
    foreign = [key for key in tags if key not in own and (key == managed_key or key.startswith(CLUSTER_PREFIXES))]
    return kept, [
        *(f"tag {key}: an instance has {TAG_LIMIT} tags at most" for key in own if key not in kept),
        *(f"tag {key}: the platform writes tags with this prefix" for key in foreign),
    ]
