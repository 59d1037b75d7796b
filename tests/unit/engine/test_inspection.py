"""What the engine says about containers, as recorded from Docker 20.10 and 26.1."""

from __future__ import annotations

import pytest

from flowship.engine import inspection

EXITED = {
    "Id": "bc50998a",
    "Name": "/lumpy-inchworm",
    "State": {
        "Status": "exited",
        "Running": False,
        "OOMKilled": True,
        "ExitCode": 0,
        "Error": "",
        "StartedAt": "2026-11-26T04:27:53.655954357Z",
        "FinishedAt": "2026-11-26T04:29:06.400855749Z",
    },
    "Config": {"Image": "trips:ed1a", "Labels": {"io.prefect.flow-run-id": "a10032fc"}},
    "HostConfig": {"Memory": 167772160, "AutoRemove": False},
}


def with_state(**state: object) -> dict:
    return {**EXITED, "State": {**EXITED["State"], **state}}


def test_a_container_whose_process_ran_out_of_memory_says_so_although_its_exit_code_is_0():
    found = inspection.from_inspect(EXITED)
    assert (found.name, found.image, found.exit_code) == ("lumpy-inchworm", "trips:ed1a", 0)
    assert found.out_of_memory
    assert found.memory_limit == 160 * 2**20
    assert not found.runs
    assert found.ended == "2026-11-26T04:29:06.400855749Z"


def test_a_running_container_has_no_exit_code_and_no_end():
    never = "0001-01-01T00:00:00Z"
    found = inspection.from_inspect(
        with_state(Status="running", Running=True, OOMKilled=False, FinishedAt=never)
    )
    assert found.runs
    assert found.exit_code is None
    assert found.ended == ""


def test_a_container_that_never_started_has_the_engines_reason():
    reason = 'exec: "no-such-program": executable file not found in $PATH: unknown'
    never = "0001-01-01T00:00:00Z"
    state = {"Status": "created", "ExitCode": 127, "Error": reason, "StartedAt": never}
    found = inspection.from_inspect(with_state(OOMKilled=False, FinishedAt=never, **state))
    assert (found.status, found.error, found.started) == ("created", reason, "")


def test_podman_has_no_labels_and_no_name_of_the_image():
    found = inspection.from_inspect({**EXITED, "Image": "sha256:12", "Config": {"Labels": None}})
    assert found.labels == {}
    assert found.image == "sha256:12"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"one\ntw", b"o\nlast"], ["one", "two", "last"]),
        ([b"caf\xc3", b"\xa9\r\n"], ["café"]),
        ([b"\xff\n"], ["\ufffd"]),
        ([], []),
    ],
    ids=["pieces", "character in two pieces", "not UTF-8", "nothing"],
)
def test_output_is_split_into_lines_whatever_the_pieces(pieces, expected):
    assert list(inspection.lines(pieces)) == expected


def sample(total: int, system: int, usage: int, cache: dict[str, int]) -> dict:
    return {
        "cpu_stats": {
            "cpu_usage": {"total_usage": total},
            "system_cpu_usage": system,
            "online_cpus": 2,
        },
        "memory_stats": {"usage": usage, "stats": cache},
    }


@pytest.mark.parametrize("cache", [{"total_inactive_file": 30}, {"inactive_file": 30}], ids=str)
def test_usage_is_cpu_time_of_one_core_and_memory_without_the_cache_of_files(cache):
    first, second = sample(100, 1000, 90, cache), sample(600, 2000, 130, cache)
    assert inspection.usage_between(first, second) == inspection.Usage(cpu=100.0, memory=100)


def test_an_engine_without_cpu_times_has_no_percentage():
    first = sample(1, 1, 1, {})
    del first["cpu_stats"]["system_cpu_usage"]
    assert inspection.usage_between(first, sample(2, 2, 5, {})) == inspection.Usage(None, 5)
