"""The checks of a hook: by the rules in ``hooks.json``, or by the hook's notificationMetadata.

A rule matches by hook name, scaling group and transition; the first match counts, else the transition's default.
NotificationMetadata (CreateLifecycleHook) that is a JSON object with the key ``checks`` chooses in place of the rule's
checks: by name, with values of declared parameters. No other key is allowed: command text never comes from an event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from checking.catalogue import Check
from checking.json_fields import entries, only, read, record, value_of, whole, words
from spotkeeper.errors import BadCheck, MalformedEvent
from spotkeeper.events.kinds import HookResult, Transition
from spotkeeper.events.text import shown
from spotkeeper.hooks import LONGEST_LIFE

MOST_CHECKS = 10

_Choice = TypeVar("_Choice", bound=Enum)


class Partial(Enum):
    """The end of a scale-out in which some instances passed and others failed."""

    ABANDON = "abandon"
    CONTINUE_AND_REMOVE_FAILED = "continue_and_remove_failed"


FAILURES = {Transition.SCALE_OUT: (HookResult.ABANDON,), Transition.SCALE_IN: (HookResult.ABANDON, HookResult.ROLLBACK)}
"""Possible results after a failed check. Never CONTINUE: that would be no check."""
PARTIALS = {
    Transition.SCALE_OUT: (Partial.ABANDON, Partial.CONTINUE_AND_REMOVE_FAILED),
    Transition.SCALE_IN: (Partial.ABANDON,),
}


@dataclass(frozen=True)
class Chosen:
    """A check with a value for each of its parameters."""

    check: Check
    values: Mapping[str, str]


@dataclass(frozen=True)
class CheckPlan:
    """The checks of a hook, and its result after a failure.

    ``agent_seconds``: the longest wait for a Running instance with an agent (``None``: as long as the hook can be kept
    alive). ``why``: the source of the plan.
    """

    checks: tuple[Chosen, ...]
    on_failure: HookResult
    partial: Partial
    agent_seconds: float | None
    why: str


@dataclass(frozen=True)
class Rule:
    """A plan, and the values (by keys of ``_MATCHED``) of the hooks that it is for."""

    conditions: Mapping[str, object]
    plan: CheckPlan


@dataclass(frozen=True)
class Rules:
    """The rules of ``hooks.json``."""

    catalogue: Mapping[str, Check]
    rules: tuple[Rule, ...]
    defaults: Mapping[Transition, CheckPlan]

    @classmethod
    def load(cls, path: Path, catalogue: Mapping[str, Check]) -> Rules:
        """The rules in a file. Raises ``BadCheck``."""
        name = path.name
        fields = only(value_of(read(path, name), name), name, ("rules", "defaults"))
        declared = fields["rules"] if fields["rules"] == [] else entries(fields["rules"], f"{name}: rules", 1000)
        defaults = only(fields["defaults"], f"{name}: defaults", (transition.value for transition in Transition))
        rules = tuple(_rule(catalogue, rule, f"{name}: rule {number}") for number, rule in enumerate(declared, start=1))
        plans: dict[Transition, CheckPlan] = {}
        for transition in Transition:
            where = f"{name}: the default of {transition.value}"
            plans[transition] = _plan(catalogue, only(defaults[transition.value], where, *_PLAN), transition, where)
        return cls(catalogue, rules, plans)

    def plan(
        self, transition: Transition, hook_name: str | None, scaling_group_id: str | None, metadata: str | None
    ) -> CheckPlan:
        """The plan of a hook. Raises ``BadCheck`` for an invalid notificationMetadata."""
        hook = {"hook_name": hook_name, "scaling_group_id": scaling_group_id, "transition": transition}
        matching = (rule.plan for rule in self.rules if rule.conditions.items() <= hook.items())
        plan = next(matching, self.defaults[transition])
        chosen = _chosen_by(self.catalogue, metadata)
        return plan if chosen is None else replace(plan, checks=chosen, why=f"{plan.why}; {_METADATA} chose the checks")


def chosen_on_demand(catalogue: Mapping[str, Check], name: str) -> Chosen:
    """The check of this name, with its defaults. Raises ``MalformedEvent``."""
    if name not in catalogue:
        raise MalformedEvent(f"there is no check {shown(name)}; there are {', '.join(sorted(catalogue))}")
    try:
        return Chosen(catalogue[name], catalogue[name].values({}))
    except BadCheck as error:
        raise MalformedEvent(f"{error}: on demand, a check runs with its defaults") from error


_METADATA = "notificationMetadata"
_PLAN = (("checks",), ("on_failure", "on_partial_failure", "agent_seconds"))
_MATCHED = ("hook_name", "scaling_group_id", "transition")


def _chosen_by(catalogue: Mapping[str, Check], metadata: str | None) -> tuple[Chosen, ...] | None:
    """The checks that the metadata chooses; ``None`` where it has another purpose."""
    text = metadata or ""
    try:
        choice = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("{") and '"checks"' in text:  # it is a choice with a mistake
            raise BadCheck(f"{_METADATA} is not JSON: {error}") from error
        return None
    if not isinstance(choice, dict) or "checks" not in choice:
        return None
    return _checks(catalogue, only(value_of(text, _METADATA), _METADATA, ("checks",))["checks"], _METADATA)


def _rule(catalogue: Mapping[str, Check], declared: object, where: str) -> Rule:
    fields = only(declared, where, _PLAN[0], (*_MATCHED, *_PLAN[1]))
    conditions: dict[str, Any] = {key: words(fields[key], f"{where}: {key}") for key in _MATCHED if key in fields}
    if not conditions:
        raise BadCheck(f"{where} needs {' or '.join(_MATCHED)}; a plan for every hook is a default")
    if name := conditions.get("transition"):
        conditions["transition"] = _one_of(tuple(Transition), name, f"{where}: transition")
    return Rule(conditions, _plan(catalogue, fields, conditions.get("transition"), where))


def _plan(
    catalogue: Mapping[str, Check], fields: Mapping[str, Any], transition: Transition | None, where: str
) -> CheckPlan:
    """A rule for both transitions may only have results that both accept."""
    meant = tuple(Transition) if transition is None else (transition,)
    results = [result for result in HookResult if all(result in FAILURES[each] for each in meant)]
    partials = [partial for partial in Partial if all(partial in PARTIALS[each] for each in meant)]
    partial, seconds = fields.get("on_partial_failure", Partial.ABANDON.value), fields.get("agent_seconds")
    return CheckPlan(
        checks=_checks(catalogue, fields["checks"], where),
        on_failure=_one_of(results, fields.get("on_failure", HookResult.ABANDON.value), f"{where}: on_failure"),
        partial=_one_of(partials, partial, f"{where}: on_partial_failure"),
        agent_seconds=None if seconds is None else float(whole(seconds, (1, LONGEST_LIFE), f"{where}: agent_seconds")),
        why=where,
    )


def _checks(catalogue: Mapping[str, Check], declared: object, where: str) -> tuple[Chosen, ...]:
    return tuple(_chosen(catalogue, entry, where) for entry in entries(declared, f"{where}: checks", MOST_CHECKS))


def _chosen(catalogue: Mapping[str, Check], declared: object, where: str) -> Chosen:
    fields = {"name": declared} if isinstance(declared, str) else only(declared, where, ("name",), ("parameters",))
    name = words(fields["name"], f"{where}: name")
    if name not in catalogue:
        raise BadCheck(f"{where}: there is no check {shown(name)}; there are {', '.join(sorted(catalogue))}")
    given = record(fields.get("parameters", {}), f"{where}: parameters")
    try:
        return Chosen(catalogue[name], catalogue[name].values(given))
    except BadCheck as error:
        raise BadCheck(f"{where}: {error}") from error


def _one_of(choices: Sequence[_Choice], value: object, where: str) -> _Choice:
    found = next((choice for choice in choices if choice.value == value), None)
    if found is None:
        raise BadCheck(f"{where} accepts {' or '.join(str(choice.value) for choice in choices)}, not {shown(value)}")
    return found
