"""What became of a container, in words."""

from __future__ import annotations

import pytest

from flowship.engine.inspection import Container
from flowship.runs.containers import RunContainer, in_words, memory


def container(**facts) -> Container:
    return Container(**{"id": "1", "name": "n", "image": "i", "labels": {}, **facts})


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"status": "exited", "exit_code": 1}, "exited with code 1"),
        (
            {
                "status": "exited",
                "exit_code": 0,
                "out_of_memory": True,
                "memory_limit": 160 * 2**20,
            },
            "ran out of memory: a process needed more than 160 MiB (OOM killed), exit code 0",
        ),
        ({"status": "exited", "exit_code": 143}, "was ended by SIGTERM, exit code 143"),
        ({"status": "created", "error": "no such file"}, "did not start: no such file"),
        ({"status": "created"}, "has not started yet"),
        ({"status": "running"}, "is running"),
        ({"status": "paused"}, "is paused"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_became_of_a_container(facts, words):
    assert in_words(container(**facts)) == words


def test_a_killed_container_is_not_blamed_on_its_memory_as_prefect_does():
    words = in_words(container(status="exited", exit_code=137, out_of_memory=False))
    assert words.startswith("was killed by SIGKILL, exit code 137: not for its memory limit")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (2048, "2 KiB"), (160 * 2**20, "160 MiB"), (3 * 2**29, "1.5 GiB")],
)
def test_memory_is_shown_with_a_unit(size, text):
    assert memory(size) == text


def test_the_command_that_opens_a_shell():
    made = RunContainer("id", "run", "flow/name", "w", container(name="zippy-1", status="running"))
    assert made.shell == "docker exec -it zippy-1 sh"


@pytest.mark.parametrize("out_of_memory", [True, False])
def test_an_exit_code_of_0_of_a_crashed_run_is_explained(out_of_memory):
    ended = container(status="exited", exit_code=0, out_of_memory=out_of_memory)
    explained = (
        "code 0 (of Prefect's own process in it, which went on after the flow's had crashed)"
    )
    assert in_words(ended, crashed=True).endswith(explained)
    assert in_words(ended).endswith("code 0")
    failed = container(status="exited", exit_code=1, out_of_memory=out_of_memory)
    assert in_words(failed, crashed=True) == in_words(failed)
