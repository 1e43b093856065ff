"""What must be true of every story, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from chaos.invariants import during, end_state, others, outcomes
from chaos.story import Story

Invariant = Callable[[Story], Iterable[str]]

INVARIANTS: tuple[Invariant, ...] = (
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
    during.one_token_one_call,
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
    outcomes.every_wait_ends,
    outcomes.errors_are_typed,
    outcomes.no_secret_in_any_output,
)


def violations(story: Story) -> Iterator[tuple[str, str]]:
    """(name, what is wrong) of each violation. A story that was broken off has only that one."""
    if story.ran_away:
        yield outcomes.every_wait_ends.__name__, story.ran_away
        return
    for invariant in INVARIANTS:
        for text in invariant(story):
            yield invariant.__name__, text
