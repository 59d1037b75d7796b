"""Runs and their containers in a terminal of 80 columns."""

from __future__ import annotations

from datetime import datetime, timezone

from rich.text import Text

from flowship.engine.inspection import Container, Usage
from flowship.output import render_ps
from flowship.runs.chosen import ChosenRun
from flowship.runs.containers import RunContainer
from flowship.runs.listing import RunRow
from flowship.runs.states import StateType

NOW = datetime(2026, 11, 26, 5, 3, 5, tzinfo=timezone.utc)
RUN = ChosenRun(
    "165346b7-d481-454e-ba2b-009b6164b874", "heavy-whippet", "trips/nightly", "http://x",
    StateType.RUNNING, "Running", started="2026-11-26T05:00:00Z",
)  # fmt: skip


def container(**facts) -> RunContainer:
    values = {"status": "running", "memory_limit": 160 * 2**20, **facts}
    found = Container("3a9a", "heavy-whippet", "user/de-repo:1f0c", {}, **values)
    return RunContainer(RUN.id, RUN.name, RUN.deployment, "w", found)


def lines(row: RunRow) -> list[str]:
    return [Text.from_markup(line).plain for line in render_ps.row(row, NOW)]


def test_a_run_has_its_container_what_it_uses_and_how_to_open_a_shell():
    assert lines(RunRow(RUN, container(), Usage(98.5, 143 * 2**20))) == [
        "heavy-whippet of trips/nightly: Running for 3 min 5 s",
        "  run         165346b7-d481-454e-ba2b-009b6164b874",
        "  container   heavy-whippet is running",
        "  image       user/de-repo:1f0c",
        "  uses        98.5 % of a core, 143 MiB of 160 MiB memory",
        "  shell       docker exec -it heavy-whippet sh",
    ]


def test_a_run_whose_container_is_elsewhere_says_where():
    assert lines(RunRow(RUN, place="none on this engine"))[2:] == [
        "  container   none on this engine"
    ]


def test_a_container_that_ended_has_no_shell():
    shown = lines(RunRow(None, container(status="exited", exit_code=1)))
    assert shown[0] == "heavy-whippet of trips/nightly: state unknown"
    assert shown[-1] == "  image       user/de-repo:1f0c"
    assert "exited with code 1" in shown[2]


def test_an_engine_without_cpu_times_shows_the_memory():
    row = RunRow(RUN, container(memory_limit=0), Usage(None, 2**20))
    assert "  uses        1 MiB memory" in lines(row)
