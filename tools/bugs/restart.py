"""Bugs of restarts, and of the return from stop mode."""

from __future__ import annotations

from tools.bugs.bug import Bug

RESTARTING = "functions/state_change/restarting"
DECISION = "shared/spotkeeper/restart_decision.py"
RECORDS = "shared/spotkeeper/restart_records.py"

BUGS = (
    Bug(
        "a restart is forgotten before its window is over",
        RECORDS,
        "restart.at > now - rules.window]",
        "restart.at > now - rules.window / 4]",
        "restart",
    ),
    Bug(
        "a start does not count whose call could not record that it was accepted",
        f"{RESTARTING}/decide.py",
        "    if state.loaded and (unrecorded := _unrecorded_start(state)):\n",
        "    if False and (unrecorded := _unrecorded_start(state)):\n",
        "restart",
    ),
    Bug(
        "a start that is not recorded before it is asked for",
        f"{RESTARTING}/actions/instance.py",
        '    state = record(run, state, number, f"asked-{attempt}")\n',
        "",
        "restart",
    ),
    Bug(
        "a rescue in stop mode is never closed",
        f"{RESTARTING}/decide.py",
        'return Decision(Step.FINISH, "the instance is back in its groups")',
        'return Decision(Step.SKIP, "the instance is back in its groups")',
        "restart",
    ),
    Bug(
        "the tag is not looked at",
        DECISION,
        'yield not tagged, f"it does not carry the tag',
        'yield False, f"it does not carry the tag',
        "restart",
    ),
    Bug(
        "a group is left out of the return",
        f"{RESTARTING}/actions/memberships.py",
        "    waiting = groups\n",
        "    waiting = groups[1:]\n",
        "restart",
    ),
)
