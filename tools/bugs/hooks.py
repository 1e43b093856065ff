"""Bugs of lifecycle hooks."""

from __future__ import annotations

from tools.bugs.bug import Bug

CHECKING = "functions/lifecycle_hook/checking"

BUGS = (
    Bug(
        "failed instances are not marked before CONTINUE",
        f"{CHECKING}/decide.py",
        "    if not state.marked:\n",
        "    if False:\n",
        "hook",
    ),
    Bug(
        "no heartbeat",
        f"{CHECKING}/decide.py",
        "if state.looked and state.left <= state.lead_seconds:",
        "if False:",
        "hook",
    ),
    Bug(
        "marked instances are forgotten",
        f"{CHECKING}/actions/failed_instances.py",
        "suspects=tuple(name for name in standing if name in marked)",
        "suspects=()",
        "hook",
    ),
    Bug(
        "a token of its own for each command",
        f"{CHECKING}/actions/commands.py",
        'token = run.token("run", str(batch.stage),',
        'token = run.token("run", str(run.clock.now()), str(batch.stage),',
        "hook",
    ),
    Bug(
        "a single instance that passes is enough",
        f"{CHECKING}/decide.py",
        "    if total and len(passed) == total:\n",
        "    if passed:\n",
        "hook",
    ),
    Bug(
        "the tag of a hook stays",
        f"{CHECKING}/actions/tags.py",
        "        _untag(run, life_tag(state.event.hook_id), _with_life_tag(run, state))\n",
        "",
        "hook",
    ),
)
