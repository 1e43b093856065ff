"""What roles, policies and bucket are to be: read out of `s.yaml`, as it would be deployed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ram
from spotkeeper.settings import OssLocation, SweepSettings
from tools.deploy.errors import CannotDeploy
from tools.deploy.plan import make_plan

DAYS = "JOURNAL_DAYS"
DEFAULT_DAYS = 90
_TOPIC = re.compile(r"/topics/([^/]+)/messages\Z")


@dataclass(frozen=True)
class Deployment:
    """``roles`` by function; ``values`` of the policies' placeholders; journal records are kept for ``days``.

    ``shortest_days``: so long at least, since the sweep deletes an image by what the journal says of it.
    """

    region: str
    roles: Mapping[str, str]
    values: Mapping[str, str]
    days: int
    shortest_days: int

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str]) -> Deployment:
        """The deployment of a checkout with these variables. Raises CannotDeploy."""
        plan = make_plan(root, environ)
        functions = plan.functions
        roles = {name: str(functions[name]["role"]).rpartition("/")[2] for name in ram.FUNCTIONS}
        sweep = SweepSettings.from_env(functions["sweep"]["environmentVariables"])
        if not isinstance(sweep.journal, OssLocation):
            raise CannotDeploy("SPOTKEEPER_JOURNAL has to be oss://bucket/prefix for there to be a bucket")
        return cls(
            region=plan.region,
            roles=roles,
            values={
                "region": plan.region,
                "layer": plan.layer,
                "journal_bucket": sweep.journal.bucket,
                "journal_prefix": f"{sweep.journal.prefix}/" if sweep.journal.prefix else "",
                **_destinations(functions["sweep"]),
                **{f"{name}_role": role for name, role in roles.items()},
                **{f"{name}_function": functions[name]["functionName"] for name in ram.FUNCTIONS},
            },
            days=_days(environ),
            shortest_days=max(2, int(sweep.image_ttl_days) + 1),
        ).checked()

    @property
    def bucket(self) -> str:
        """The journal's."""
        return self.values["journal_bucket"]

    @property
    def prefix(self) -> str:
        """Of the journal's objects: empty, or with a slash at its end."""
        return self.values["journal_prefix"]

    def checked(self) -> Deployment:
        """Itself. Raises CannotDeploy where the journal would be deleted too early."""
        if self.days < self.shortest_days:
            raise CannotDeploy(
                f"{DAYS} accepts {self.shortest_days} or more with this SPOTKEEPER_IMAGE_TTL_DAYS, not {self.days}: "
                "the sweep has to find in the journal what a rescue made for as long as it may delete it"
            )
        return self


def _destinations(props: Mapping[str, Any]) -> dict[str, str]:
    """Where log and failures go: the same for every function, as `s.yaml` has it in its template."""
    destination = str(props["asyncInvokeConfig"]["destinationConfig"]["onFailure"]["destination"])
    topic = _TOPIC.search(destination)
    if topic is None:
        raise CannotDeploy(f"the failure destination {destination} is no MNS topic, and the policies are made for one")
    log = props["logConfig"]
    return {"log_project": log["project"], "logstore": log["logstore"], "alarm_topic": topic[1]}


def _days(environ: Mapping[str, str]) -> int:
    text = environ.get(DAYS) or str(DEFAULT_DAYS)
    if not text.isdecimal():
        raise CannotDeploy(f"{DAYS} accepts a number of days, not {text!r}")
    return int(text)
