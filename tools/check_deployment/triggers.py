"""Triggers against the events that they are for: ``events/<function>.*`` are those of a function."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.check_deployment import event_pattern
from tools.check_deployment.complaint import Complaint, shown

SOURCES = ("acs.ecs", "acs.ess")
"""The sources of our events on the default bus."""
TYPES = {
    "interruption": ("eventbridge", "mns_topic"),
    "state_change": ("eventbridge", "mns_topic"),
    "lifecycle_hook": ("eventbridge", "mns_topic"),
    "sweep": ("timer",),
}
"""The trigger types of each function."""
MOST_RULES = 10
"""Rules on the default bus (Function Compute: Configure event triggers for Alibaba Cloud services)."""

_EVERY = re.compile(r"@every ([1-9][0-9]*)m")
_CRON_FIELDS = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "month": (1, 12),
    "weekday": (0, 7),
}
_CRON_ITEM = re.compile(r"(?:[*?]|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([1-9][0-9]?))?")


@dataclass(frozen=True)
class Trigger:
    """A trigger of ``function``, at ``path`` in the file."""

    function: str
    path: str
    props: Mapping[str, Any]

    @property
    def type(self) -> str:
        """``triggerType``."""
        return str(self.props["triggerType"])

    @property
    def filter(self) -> str:
        """The path of its event pattern."""
        return f"{self.path}.triggerConfig.eventRuleFilterPattern"

    @property
    def pattern(self) -> dict[str, Any]:
        """The pattern. Raises ``PatternError``."""
        return event_pattern.parse(self.props["triggerConfig"]["eventRuleFilterPattern"])


def cloud_events(root: Path) -> dict[str, dict[str, Any]]:
    """The events of ECS and ESS in ``events/`` as they stand on the bus, by file name."""
    found = {}
    for path in sorted((root / "events").glob("*.json")):
        event = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(event, dict) and event.get("source") in SOURCES:
            found[path.name] = event
    return found


def function_of(file: str) -> str:
    """The function of a file in ``events/``: the beginning of the file's name."""
    return file.partition(".")[0].replace("-", "_")


def complaints(functions: Mapping[str, Mapping[str, Any]], root: Path) -> Iterator[Complaint]:
    """The mistakes in the triggers of the functions (props by name) of the checkout ``root``."""
    triggers = [
        Trigger(name, f"resources.{name}.props.triggers[{index}]", props)
        for name, function in functions.items()
        for index, props in enumerate(function["triggers"])
    ]
    for trigger in triggers:
        yield from _fitting(trigger)
    yield from _timers(triggers, functions)
    rules = [trigger for trigger in triggers if trigger.type == "eventbridge"]
    if len(rules) > MOST_RULES:
        yield Complaint(
            "resources", f"{len(rules)} triggers are eventbridge", f"at most {MOST_RULES} on the default bus"
        )
    yield from _patterns(rules, cloud_events(root))
    yield from _named(triggers)


def _fitting(trigger: Trigger) -> Iterator[Complaint]:
    if trigger.type not in TYPES[trigger.function]:
        wrong = f"{shown(trigger.type)} is not what calls {trigger.function}"
        yield Complaint(f"{trigger.path}.triggerType", wrong, " or ".join(TYPES[trigger.function]))


def _named(triggers: list[Trigger]) -> Iterator[Complaint]:
    seen = set()
    for trigger in triggers:
        name = trigger.function, trigger.props["triggerName"]
        if name in seen:
            wrong = f"{shown(name[1])} is there already"
            yield Complaint(f"{trigger.path}.triggerName", wrong, "a name of its own for each trigger of a function")
        seen.add(name)


def _timers(triggers: list[Trigger], functions: Mapping[str, Mapping[str, Any]]) -> Iterator[Complaint]:
    for trigger in triggers:
        if trigger.type != "timer":
            continue
        expression = trigger.props["triggerConfig"]["cronExpression"]
        every = _EVERY.fullmatch(expression)
        timeout = functions[trigger.function]["timeout"]
        if not every and (wrong := _cron_mistake(expression)):
            accepted = "'@every <minutes>m' or six fields: second minute hour day month weekday"
            yield Complaint(f"{trigger.path}.triggerConfig.cronExpression", wrong, accepted)
        elif every and timeout >= int(every[1]) * 60:
            wrong = f"{timeout} s is not over before the next run begins ({expression})"
            yield Complaint(f"resources.{trigger.function}.props.timeout", wrong, f"less than {int(every[1]) * 60} s")


def _cron_mistake(expression: str) -> str:
    """What is wrong with six fields, if anything."""
    fields = expression.split(" ")
    if len(fields) != len(_CRON_FIELDS):
        return f"{shown(expression)} has {len(fields)} fields"
    for (name, (least, most)), text in zip(_CRON_FIELDS.items(), fields, strict=True):
        for item in text.split(","):
            match = _CRON_ITEM.fullmatch(item)
            numbers = [int(number) for number in (match[1], match[2]) if number] if match else [-1]
            if not all(least <= number <= most for number in numbers):
                return f"{shown(expression)} has {shown(text)} as {name}"
    return ""


def _patterns(rules: list[Trigger], events: Mapping[str, Mapping[str, Any]]) -> Iterator[Complaint]:
    """A rule matches events, and only its function's events; each event matches exactly one rule."""
    if unparsable := [complaint for rule in rules for complaint in _unparsable(rule)]:
        yield from unparsable
        return
    passed = {
        rule.path: {file for file, event in events.items() if event_pattern.matches(rule.pattern, event)}
        for rule in rules
    }
    for rule in rules:
        own = [file for file in events if function_of(file) == rule.function]
        yield from _let_through(rule, own, passed[rule.path])
        siblings = [other for other in rules if other.function == rule.function]
        if rule is siblings[0]:
            yield from _heard(siblings, own, passed)


def _unparsable(rule: Trigger) -> Iterator[Complaint]:
    try:
        event_pattern.parse(rule.props["triggerConfig"]["eventRuleFilterPattern"])
    except event_pattern.PatternError as error:
        yield Complaint(rule.filter, str(error), "an event pattern that EventBridge takes")


def _let_through(rule: Trigger, own: list[str], passed: set[str]) -> Iterator[Complaint]:
    if not passed:
        yield Complaint(rule.filter, f"{shown(rule.pattern)} matches nothing in events/", _matching(own))
    for file in sorted(passed - set(own)):
        yield Complaint(rule.filter, f"it matches events/{file} too", f"{_matching(own)} alone")


def _heard(siblings: list[Trigger], own: list[str], passed: Mapping[str, set[str]]) -> Iterator[Complaint]:
    """Each event of a function matches exactly one of its rules."""
    for file in own if any(passed[rule.path] for rule in siblings) else ():
        heard = [rule for rule in siblings if file in passed[rule.path]]
        if not heard:
            yield Complaint(siblings[0].filter, f"it does not match events/{file}", _matching(own))
        for rule in heard[1:]:
            yield Complaint(rule.filter, f"{heard[0].path} matches events/{file} already", "one rule for an event")


def _matching(own: list[str]) -> str:
    return f"a pattern that matches {', '.join(own)}"
