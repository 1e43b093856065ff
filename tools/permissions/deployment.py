"""The wanted roles, policies and bucket, from `s.yaml` as it would be deployed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ram
from spotkeeper.settings.sweep import SweepSettings
from spotkeeper.settings.types import OssLocation
from tools.deploy.plan import make_plan
from tools.errors import NothingDone

_TOPIC = re.compile(r"/topics/([^/]+)/messages\Z")


@dataclass(frozen=True)
class Deployment:
    """``roles`` by function; ``values`` of the policies' placeholders; journal records are kept for ``days``.

    ``shortest_days`` is the least, since the sweep needs an image's records to delete the image.
    """

    region: str
    roles: Mapping[str, str]
    values: Mapping[str, str]
    days: int
    shortest_days: int

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str], days: int = 90) -> Deployment:
        """The deployment of a checkout with the ``DEPLOY_`` variables in ``environ``. Raises NothingDone."""
        plan = make_plan(root, environ)
        functions = plan.functions
        roles = {name: str(functions[name]["role"]).rpartition("/")[2] for name in ram.FUNCTIONS}
        # The targets hold ${config('AccountID')}, which only Serverless Devs resolves.
        variables = {**functions["sweep"]["environmentVariables"], "SPOTKEEPER_HOOK_ARNS": ""}
        sweep = SweepSettings.from_env(variables)
        if not isinstance(sweep.journal, OssLocation):
            raise NothingDone("SPOTKEEPER_JOURNAL has to be oss://bucket/prefix")
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
            days=days,
            shortest_days=max(2, int(sweep.image_ttl_days) + 1),
        ).checked()

    @property
    def bucket(self) -> str:
        """The journal's bucket."""
        return self.values["journal_bucket"]

    @property
    def prefix(self) -> str:
        """The prefix of the journal's objects: empty, or with a slash at its end."""
        return self.values["journal_prefix"]

    def checked(self) -> Deployment:
        """The same deployment. Raises NothingDone where records would be deleted too early."""
        if self.days < self.shortest_days:
            raise NothingDone(
                f"JOURNAL_DAYS accepts {self.shortest_days} or more with this SPOTKEEPER_IMAGE_TTL_DAYS, not "
                f"{self.days}: the sweep needs a rescue's records for as long as the rescue's image exists"
            )
        return self


def _destinations(props: Mapping[str, Any]) -> dict[str, str]:
    """Log and failure destination, which all functions share in the template of `s.yaml`."""
    destination = str(props["asyncInvokeConfig"]["destinationConfig"]["onFailure"]["destination"])
    topic = _TOPIC.search(destination)
    if topic is None:
        raise NothingDone(
            f"the failure destination {destination} is no MNS topic, and the policies allow MNS topics only"
        )
    log = props["logConfig"]
    return {"log_project": log["project"], "logstore": log["logstore"], "alarm_topic": topic[1]}
