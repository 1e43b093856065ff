"""What must be true of every story, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from chaos.invariants import during, end_state, hooks, others, outcomes, restarts, same_end
from chaos.scenario import Kind
from chaos.story import Story

Invariant = Callable[[Story], Iterable[str]]

RESCUE: tuple[Invariant, ...] = (
    end_state.at_most_one_replacement,
    end_state.at_most_one_image,
    end_state.memberships_as_they_were,
    end_state.others_untouched,
    end_state.replacement_like_source,
    end_state.data_is_safe,
    end_state.disks_settled,
    during.without_lock_or_tag_untouched,
    during.finished_untouched,
    during.only_own_resources,
    during.the_source_stays_stopped,
    during.looked_before_launching,
    during.remembered_first,
    others.nothing_foreign_changed,
    others.nothing_forged_acted_upon,
    others.disks_retained_soon,
    others.one_refusal_takes_nothing_hostage,
    others.a_loss_is_heard,
    others.history_costs_nothing,
    outcomes.done_is_true,
    outcomes.every_rescue_ends,
    outcomes.incomplete_but_running,
)
SAID: tuple[Invariant, ...] = (
    during.one_token_one_call,
    outcomes.every_wait_ends,
    outcomes.errors_are_typed,
    outcomes.no_secret_in_any_output,
)
INVARIANTS: dict[Kind, tuple[Invariant, ...]] = {
    Kind.RESCUE: (*RESCUE, *SAID),
    Kind.RESTART: (
        restarts.within_limit_and_window,
        restarts.started_once_per_stop,
        restarts.nothing_started_that_may_not_be,
        restarts.stop_mode_returns_exactly,
        same_end.ends_as_undisturbed,
        end_state.others_untouched,
        during.only_own_resources,
        *SAID,
    ),
    Kind.HOOK: (
        hooks.one_completion_per_token,
        hooks.completed_by_the_function,
        hooks.the_bad_never_serve,
        hooks.no_command_twice,
        hooks.only_machines_of_the_action,
        same_end.ends_as_undisturbed,
        *SAID,
    ),
}


def violations(story: Story) -> Iterator[tuple[str, str]]:
    """(name, what is wrong) of each violation. A story that was broken off has only that one."""
    if story.ran_away:
        yield outcomes.every_wait_ends.__name__, story.ran_away
        return
    for invariant in INVARIANTS[story.scenario.kind]:
        for text in invariant(story):
            yield invariant.__name__, text
