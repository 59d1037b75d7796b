"""Something that is drawn repeatedly."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest
from rich.console import Console

from flowship.errors import ApiError
from flowship.output import watching


def watched(results: Sequence[object], *, is_terminal: bool) -> str:
    """What is drawn until all results are used up; then the user presses Ctrl-C."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=80, force_terminal=is_terminal, no_color=True, _environ={"TERM": "xterm"}
    )
    left = list(results)

    def draw() -> list[str]:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return [str(found)]

    with pytest.raises(KeyboardInterrupt):
        watching.watch(draw, 5, console=console, sleep=_until_used_up(left))
    return stream.getvalue()


def _until_used_up(left: list[object]) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        assert seconds == 5
        if not left:
            raise KeyboardInterrupt

    return sleep


def test_a_terminal_is_drawn_in_place():
    drawn = watched(["one", "two"], is_terminal=True)
    assert drawn.count("one") == 1
    assert "\x1b[2K" in drawn  # the line is erased before it is drawn again
    assert drawn.index("one") < drawn.index("two")


def test_elsewhere_each_drawing_is_below_the_one_before():
    assert watched(["one", "two"], is_terminal=False) == "one\n\ntwo\n\n"


def test_an_api_that_does_not_answer_ends_nothing():
    error = ApiError("the API is not responding")
    drawn = watched(["one", error, error, "two"], is_terminal=False)
    failed = "one\nerror: the API is not responding; trying again\n\n"
    assert drawn == f"one\n\n{failed}{failed}two\n\n"


def test_an_error_at_the_first_time_is_an_error():
    def fail() -> list[str]:
        raise ApiError("no")

    with pytest.raises(ApiError):
        watching.watch(fail, 5)
