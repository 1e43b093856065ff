"""What is asked for: ``make launch NAME=value ...``, read strictly."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.launch.errors import CannotLaunch

ACCEPTED: Mapping[str, tuple[str, str, str]] = {
    "REGION": ("", r"[a-z]{2,3}(-[a-z0-9]+)+", "a region; without it DEPLOY_REGION, else cn-hangzhou"),
    "VSWITCH": ("", r"vsw-[a-z0-9]+", "the vSwitch, which decides the zone: vsw-… (VPC console; required)"),
    "SECURITY_GROUP": ("", r"sg-[a-z0-9]+", "a security group of the same VPC: sg-… (ECS console; required)"),
    "ZONE": ("", r"([a-z]{2,3}(-[a-z0-9]+)+)?", "a zone such as cn-hangzhou-h; refused if the vSwitch is elsewhere"),
    "TYPE": ("ecs.c7.large", r"ecs\.[a-z0-9.-]+", "an instance type"),
    "IMAGE": ("", r"([a-z0-9][\w.-]+)?", "an image id; without it the latest Alibaba Cloud Linux 3"),
    "KEY_PAIR": ("", r"([\w.:-]+)?", "a key pair's name; without it there is Session Manager alone"),
    "STRATEGY": ("SpotAsPriceGo", r"SpotAsPriceGo|SpotWithPriceLimit", "SpotAsPriceGo or SpotWithPriceLimit"),
    "PRICE_LIMIT": ("", r"(\d+(\.\d{1,3})?)?", "an hourly price, with SpotWithPriceLimit alone: 0.05"),
    "PROTECTION": ("1", r"[01]", "hours in which it is not reclaimed: 1 or 0"),
    "BEHAVIOR": ("Terminate", r"Terminate|Stop", "what a reclaim does to it: Terminate or Stop"),
    "HOURS": ("3", r"\d{1,3}", "hours until it is released by itself, from 1; 0: never"),
    "NAME": ("spotkeeper-trial", r"[A-Za-z][\w.-]{1,63}", "its name"),
    "DISK": ("40", r"\d{2,4}", "GB of its system disk"),
    "BANDWIDTH": ("0", r"\d{1,3}", "Mbit/s to the internet; 0: no public address"),
    "DRY_RUN": ("false", r"true|false", "true: stop after the dry run"),
    "YES": ("false", r"true|false", "true: do not ask"),
}
"""Name -> default, pattern, meaning."""

_REQUIRED = ("VSWITCH", "SECURITY_GROUP")
_NOT_OURS = ("PYTHON",)
"""Make's own, which come along on its command line."""


@dataclass(frozen=True)
class Wish:
    """The values by name, each accepted by its pattern."""

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def flag(self, name: str) -> bool:
        """Whether it is ``true``."""
        return self.values[name] == "true"


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> Wish:
    """The wish in NAME=value arguments. Raises CannotLaunch for what is unknown, ill-formed or missing."""
    given = dict(_pairs(arguments))
    if missing := [name for name in _REQUIRED if not given.get(name)]:
        raise CannotLaunch(
            f"{' and '.join(missing)} are needed: make launch VSWITCH=vsw-… SECURITY_GROUP=sg-…{usage()}"
        )
    defaults = {name: default for name, (default, _, _) in ACCEPTED.items()}
    defaults["REGION"] = environ.get("DEPLOY_REGION") or "cn-hangzhou"
    values = {**defaults, **{name: value for name, value in given.items() if value}}
    for name, value in values.items():
        _, pattern, meaning = ACCEPTED[name]
        if not re.fullmatch(pattern, value, re.ASCII):
            raise CannotLaunch(f"{name} accepts {meaning}; not {value!r}")
    if (values["STRATEGY"] == "SpotWithPriceLimit") != bool(values["PRICE_LIMIT"]):
        raise CannotLaunch("PRICE_LIMIT goes with STRATEGY=SpotWithPriceLimit, and only with it")
    return Wish(values)


def _pairs(arguments: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in _NOT_OURS:
            continue
        if not equals or name not in ACCEPTED:
            near = difflib.get_close_matches(name, sorted(ACCEPTED), n=1)
            raise CannotLaunch(f"{name} is unknown{f'; did you mean {near[0]}?' if near else usage()}")
        pairs.append((name, value))
    return pairs


def usage() -> str:
    """All variables, one a line."""
    return "".join(
        f"\n  {name:<15}{meaning}{f' (default {default})' if default else ''}"
        for name, (default, _, meaning) in ACCEPTED.items()
    )
