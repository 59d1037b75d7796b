"""The deploy lock in words."""

from __future__ import annotations

from dataclasses import replace

from flowship.deployment.lock import Holder, LockState
from flowship.output import render_lock

ADA = Holder("ada@laptop", "2026-06-01T05:00:00+00:00", 4711)


def state(silent: float, *, expired: bool) -> LockState:
    return LockState("1", "flowship_deploy_lock_p", ADA, "2026-06-01T05:00:07Z", silent, expired)


def test_a_held_lock_says_who_and_since_when():
    assert render_lock.holder(state(3.2, expired=False)) == [
        "the deploy lock is held by ada@laptop (process 4711, since 2026-06-01T05:00:00+00:00)",
        "  renewed 3 s ago; its deploy is at work",
    ]


def test_an_expired_lock_says_that_the_next_deploy_breaks_it():
    (_, line) = render_lock.holder(state(3 * 3600, expired=True))
    assert line == "  renewed 3 h ago; expired: the next deploy breaks it"
    (_, line) = render_lock.holder(state(600, expired=True))
    assert "renewed 10 min ago" in str(line)


def test_a_lock_whose_process_has_ended_says_so():
    (_, line) = render_lock.holder(replace(state(1, expired=False), abandoned=True))
    assert line == (
        "  renewed 1 s ago; its process on this machine has ended: the next deploy breaks it"
    )


def test_what_a_holder_wrote_is_not_markup():
    strange = LockState("1", "n", Holder("[red]ada", "[/]", 1), "", 1, expired=False)
    assert "\\[red]ada" in str(render_lock.holder(strange)[0])


def test_without_a_lock_no_deploy_is_in_progress():
    assert "no deploy is in progress" in render_lock.absent("p-docker")
