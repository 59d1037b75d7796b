"""Progress: lines for logs, a live display for a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from flowship.deployment.plan import Action, Operation, Resource
from flowship.events import Applying, Output, Phase, Step, Transfer
from flowship.output.console import Screen

EVENTS = [
    Phase("sending 2 files"),
    Step("COPY [a] b", 1, 3, cached=True),
    Step("RUN x", 2, 3),
    Output("[bold]done[/] 10%"),
    Transfer("aaa", "Pushing", 10, 100),
    Transfer("aaa", "Pushed", 100, 100),
    Transfer("bbb", "Layer already exists"),
    Transfer("ccc", "Preparing"),
]


def test_without_a_terminal_progress_is_plain_lines(capsys):
    with Screen().progress() as report:
        for event in EVENTS:
            report(event)
    assert capsys.readouterr() == (
        "",
        "• sending 2 files\n"
        "  [1/3] COPY [a] b  (cached)\n"
        "  [2/3] RUN x\n"
        "      [bold]done[/] 10%\n"
        "  aaa: Pushed\n"
        "  bbb: Layer already exists\n",
    )


@pytest.fixture
def terminal(monkeypatch):
    """A screen on a terminal of 60 columns, and a stream with its output."""
    screen, shown = Screen(), io.StringIO()
    console = Console(
        file=shown, force_terminal=True, width=60, height=20, highlight=False, _environ={}
    )
    monkeypatch.setattr(screen, "_stderr", console)
    return screen, shown


def draw(screen, events):
    with screen.progress() as report:
        for event in events:
            report(event)
            report.refresh()  # otherwise the drawing depends on the clock


def test_on_a_terminal_progress_shows_the_step_its_last_lines_and_the_layers(terminal):
    screen, shown = terminal
    draw(screen, EVENTS)
    for text in ("[2/3] RUN x", "[bold]done[/] 10%", "0.0 MB", "Pushed", "COPY [a] b"):
        assert text in shown.getvalue()
    assert shown.getvalue().count("• sending 2 files") == 1


def test_on_a_terminal_long_lines_are_cut_and_many_layers_fit(terminal):
    screen, shown = terminal
    events = [Step("RUN " + "x" * 500, 1, 1), *(Output("y" * 500) for _ in range(50))]
    draw(screen, [*events, *(Transfer(f"layer{i}", "Pushing", i, 100) for i in range(100))])
    assert "x" * 20 in shown.getvalue()
    assert "x" * 61 not in shown.getvalue()
    assert "y" * 61 not in shown.getvalue()


def applying(total: int) -> list[Applying]:
    """A plan of so many operations: most of them create deployments."""
    block = Operation(Action.UPDATE, Resource.BLOCK, "taxi-docker", "new image")
    made = [Operation(Action.CREATE, Resource.DEPLOYMENT, f"t/d[{n}]", "x") for n in range(total)]
    return [Applying(each, total) for each in (*made[2:], block)] + [
        Applying(Operation(Action.CREATE, Resource.FLOW, "t", "x"), total)
    ]


COUNTED = "  + create 19 deployments, 1 flow\n"


def test_of_many_operations_new_deployments_are_counted(capsys):
    with Screen().progress() as report:
        for event in applying(21):
            report(event)
    assert capsys.readouterr().err == f"  ~ update block taxi-docker (new image)\n{COUNTED}"
    with Screen().progress() as report:
        for event in applying(20):
            report(event)
    assert "  + create deployment t/d[19] (x)\n" in capsys.readouterr().err


def test_what_was_counted_is_shown_on_a_terminal_and_when_the_plan_fails(terminal, capsys):
    screen, shown = terminal
    draw(screen, applying(21))
    assert "create 19 deployments, 1 flow" in shown.getvalue()

    def fail() -> None:
        with Screen().progress() as report:
            for event in applying(21):
                report(event)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - its own
        fail()
    assert capsys.readouterr().err.endswith(COUNTED)


def test_interrupted_progress_shows_the_cursor_again(terminal):
    screen, shown = terminal

    def broken():
        yield EVENTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(screen, broken())
    assert shown.getvalue().rindex("\x1b[?25h") > shown.getvalue().rindex("\x1b[?25l")


def test_a_log_line_cannot_control_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    draw(Screen(), [Step("RUN x", 1, 1), Output("done\x1b]0;new title\x07")])
    shown = capsys.readouterr().err
    assert "\x1b]0;" not in shown
    assert "␛]0;new title" in shown
    assert "\x1b[?25h" in shown, "Rich's own control codes are kept"
