"""The answers of a call (docs/operation.md lists their keys)."""

from __future__ import annotations

from typing import Any

from rescue.actions import interrupted_replacement, source_disks
from rescue.context import Context
from rescue.decide import Decision
from rescue.launch_spec.options import release_moved
from rescue.state import State
from rescue.steps import Step
from spotkeeper.load_balancers.product import GROUP_DELETED

UNKNOWN_SPEC = {"not_carried": ("unknown: the launch spec is missing or cannot be read",)}
"""For a replacement whose launch spec somebody has overwritten, or moved away, since the launch."""


def skipped(run: Context, state: State, decision: Decision) -> dict[str, Any]:
    """Nothing is done; the decision gives the reason."""
    return {**_base(run, "skipped", decision.reason), "timeline": run.timeline, "warnings": list(state.warnings)}


def stop_mode(run: Context, state: State, _: Decision) -> dict[str, Any]:
    """The source is drained; ``state_change`` does the rest."""
    reason = (
        f"{run.instance_id} is drained, and its memberships are recorded; it will be stopped, not released, and keeps "
        "its disks: it returns to its groups when it runs again"
    )
    return _ended(run, {**_base(run, "done", reason), **_found(state), "timeline": run.timeline})


def recorded(run: Context, state: State, _: Decision) -> dict[str, Any]:
    """The recorded answer. The call that has finished the rescue gives its own timeline, later calls the recorded."""
    answer, timeline = dict(run.episode.records["done"]["answer"]), run.timeline
    new = [text for text in state.warnings if text not in answer["warnings"]]
    finished_here = any(entry["step"] == Step.FINISH.value for entry in timeline)
    described = {
        **answer,
        "warnings": [*answer["warnings"], *new],
        "timeline": timeline if finished_here else answer["timeline"],
        "reason": answer["reason"] if finished_here else f"{answer['reason']} (finished by an earlier call)",
    }
    return _ended(run, described)


def _ended(run: Context, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of a rescue that has ended: in a dry run ``skipped``, with an empty plan."""
    if not run.settings.dry_run:
        return answer
    return {**answer, "outcome": "skipped", "reason": f"dry run: nothing was written; {answer['reason']}", "plan": []}


def closing(run: Context, state: State) -> dict[str, Any]:
    """The ``done`` record."""
    answer = {
        **_base(run, "done", _reason(run, state)),
        **({"image_id": state.image_id} if state.image_id else {}),
        **({"replacement_id": state.replacement_id} if state.replacement_id else {}),
        **_found(state),
        "margin_seconds": margin_seconds(state),
        "overlap_seconds": overlap_seconds(state),
        "retained_disks": source_disks.retained(run, state),
        "not_carried": not_carried(run, state) if state.replacement_id else [],
        "health": dict(state.health),
        "timeline": run.timeline,
    }
    return {"at": state.now, "answer": answer}


def _base(run: Context, outcome: str, reason: str) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "instance_id": run.instance_id, "episode": run.episode.number}


def _found(state: State) -> dict[str, Any]:
    return {
        "memberships": [member.shown for member in state.memberships or ()],
        "notice_estimated": state.notice_estimated,
        "warnings": list(state.warnings),
    }


def _reason(run: Context, state: State) -> str:
    saved = f"image {state.image_id}" if state.image_id else "no image"
    if state.managed_by:
        return f"{run.instance_id} is drained and saved ({saved}); {state.managed_by} manages and replaces it"
    if not state.replacement_id:
        return f"{run.instance_id} is drained and saved ({saved}); SPOTKEEPER_RELAUNCH is none"
    if handed_over := state.records.get("handed-over"):
        return (
            f"{state.replacement_id} was launched for {run.instance_id} and interrupted before it served: its rescue "
            f"{handed_over['to']} adds the next replacement to the groups; {saved}"
        )
    return f"{state.replacement_id} took over from {run.instance_id} and is {_where(run, state)}; {saved}"


def _where(run: Context, state: State) -> str:
    groups = {member.group_name for member in state.memberships or () if member.server_id == run.instance_id}
    left = len([group for group in groups if GROUP_DELETED.format(group) not in state.not_carried])
    if left:
        return f"in its {left} server group{'s' * (left > 1)}"
    return f"running (the source was in no group{' that still exists' if groups else ''})"


def margin_seconds(state: State) -> float | None:
    """The notice's end minus the moment of the usable image (at-once: of the serving replacement), by the journal."""
    record = state.records.get("usable") or state.records.get("serving") or state.records.get("running")
    return round(state.notice_end - float(record["at"]), 3) if record else None


def overlap_seconds(state: State) -> float:
    """How long source and replacement both ran, up to now."""
    running = state.records.get("running")
    return round(max(0.0, source_ended(state) - float(running["at"])), 3) if running else 0.0


def source_ended(state: State) -> float:
    """When the source stopped running; now if it still runs."""
    if state.stopped_at is not None:
        return state.stopped_at
    if state.gone:
        return min(state.notice_end, state.now)
    return 0.0 if state.stopped else state.now


def not_carried(run: Context, state: State) -> list[str]:
    """The settings and memberships that the replacement does not have, also because of its launch option."""
    records = run.episode.records
    spec, launched = records.get("launch-spec", UNKNOWN_SPEC), records[interrupted_replacement.record_name(records)]
    dropped = [f"{name}: does not fit {launched['launch_option']}" for name in launched["drops"]]
    return [*spec["not_carried"], *state.not_carried, *dropped, *release_moved(spec, launched)]
