"""How far a deploy got that breaks off, in words."""

from __future__ import annotations

import pytest

from flowship.deployment.stopping import Progress
from flowship.errors import ApiError, Interrupted


def progress(done: int, total: int, images: int = 1) -> Progress:
    made = Progress(images)
    made.planned(total)
    for _ in range(done):
        made.made()
    return made


def ended(progress: Progress, exc: BaseException) -> BaseException:
    with pytest.raises(type(exc)) as caught, progress.explaining():
        raise exc
    return caught.value


@pytest.mark.parametrize(
    ("progress", "says"),
    [
        (progress(9, 31), "9 of 31 changes were made, and they stay"),
        (progress(1, 31), "1 of 31 changes was made, and it stays"),
        (progress(1, 1), "1 of 1 change was made: nothing is missing"),
        (progress(2, 2), "2 of 2 changes were made: nothing is missing"),
        (progress(9, 31, images=2), "9 changes were made, and they stay"),
        (progress(1, 31, images=2), "1 change was made, and it stays"),
    ],
)
def test_the_changes_that_were_made_are_counted(progress, says):
    assert str(progress) == says


def test_what_is_planned_after_a_conflict_follows_what_was_made():
    made = progress(4, 9)
    made.planned(6)
    assert str(made) == "4 of 10 changes were made, and they stay"


def test_an_interrupt_says_what_was_made_and_what_is_next():
    exc = ended(progress(9, 31), KeyboardInterrupt())
    assert isinstance(exc, Interrupted)
    assert str(exc) == "interrupted: 9 of 31 changes were made, and they stay"
    assert exc.hint == "run the command again to complete the deploy"


def test_where_nothing_was_changed_an_error_stays_as_it_is():
    assert type(ended(progress(0, 31), KeyboardInterrupt())) is KeyboardInterrupt
    failed = ended(progress(0, 31), ApiError("no answer", hint="start it"))
    assert (failed.details, failed.hint) == ("", "start it")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("start it", "start it; then run the command again to complete the deploy"),
        ("", "run the command again to complete the deploy"),
        ("run the command again: it goes on", "run the command again: it goes on"),
    ],
)
def test_an_error_says_it_below_its_message(given, hint):
    failed = ended(progress(9, 31), ApiError("no answer", hint=given))
    assert (failed.message, failed.hint) == ("no answer", hint)
    assert failed.details == "9 of 31 changes were made, and they stay"


def test_an_error_after_the_last_change_does_not_count_them():
    failed = ended(progress(3, 3), ApiError("no answer", details="field"))
    assert (failed.details, failed.hint) == (
        "field",
        "run the command again to complete the deploy",
    )


def test_an_interrupt_after_the_last_change_leaves_nothing_to_complete():
    exc = ended(progress(3, 3), KeyboardInterrupt())
    assert str(exc) == "interrupted: 3 of 3 changes were made: nothing is missing"
    assert exc.hint == "run the command again to confirm the deploy"
