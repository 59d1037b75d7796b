"""Recorded answers of a real engine (20.10, both builders), folded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.engine.build_stream import BuildStream
from flowship.errors import BuildError
from flowship.events import Event, Output, Step
from support.paths import STREAMS

BUILD_STREAMS = STREAMS / "build"


def fold(name: str) -> tuple[BuildStream, list[Event]]:
    told: list[Event] = []
    stream = BuildStream(told.append)
    for line in (BUILD_STREAMS / f"{name}.jsonl").read_text().splitlines():
        stream.feed(json.loads(line))
    return stream, told


def failure(name: str) -> BuildError:
    with pytest.raises(BuildError) as caught:
        fold(name)
    return caught.value


@pytest.mark.parametrize("builder", ["classic", "buildkit"])
def test_a_successful_build_shows_its_steps_its_output_and_the_image(builder):
    stream, told = fold(f"{builder}-success")
    assert stream.image_id is not None
    assert stream.image_id.startswith("sha256:")
    steps = [e for e in told if isinstance(e, Step)]
    assert steps[-1].text == "COPY flow.py /opt/flow.py"
    assert steps[-1].number == steps[-1].total == 3
    lines = [e.text for e in told if isinstance(e, Output)]
    assert "one" in lines
    assert "two" in lines


def test_the_engine_s_own_chatter_is_not_shown():
    _, told = fold("classic-success")
    for event in told:
        assert "intermediate container" not in getattr(event, "text", "")
        assert "--->" not in getattr(event, "text", "")


def test_a_secret_in_a_step_is_not_shown():
    told: list[Event] = []
    stream = BuildStream(told.append)
    stream.feed({"stream": "Step 2/3 : ENV DB_PASSWORD=hunter22\n ---> 1\n"})
    assert [e.text for e in told if isinstance(e, Step)] == ["ENV DB_PASSWORD=********"]


def test_a_cached_step_is_shown_as_cached():
    _, told = fold("classic-cached")
    cached = [e.text for e in told if isinstance(e, Step) and e.cached]
    assert cached == ["RUN echo one && echo two", "COPY flow.py /opt/flow.py"]


@pytest.mark.parametrize("builder", ["classic", "buildkit"])
def test_a_failing_step_shows_its_command_its_exit_code_and_its_output(builder):
    error = failure(f"{builder}-step-fails")
    assert "false" in error.message
    assert "exit code 1" in error.message
    assert "before" in error.details


@pytest.mark.parametrize("builder", ["classic", "buildkit"])
def test_a_missing_copy_source_points_at_the_check(builder):
    error = failure(f"{builder}-copy-missing")
    assert "nothing.py" in error.message
    assert "flowship check" in error.hint


def test_an_unknown_distribution_is_named_in_the_advice():
    error = failure("classic-no-distribution")
    assert "no-such-package-flowship" in error.hint
    # the recording has this line in seven coloured pieces
    assert "error: No solution found when resolving dependencies" in error.details


def test_an_unknown_debian_package_is_named_in_the_advice():
    assert "no-such-package-flowship" in failure("classic-apt-unknown").hint


# The lines of pip, apt and uv in a container without a network, and of an engine without one.
NETWORK_FAULTS = {
    "pip": "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(': "
    "Temporary failure in name resolution')': /simple/x/\n"
    "ERROR: No matching distribution found for x",
    "apt": "W: Failed to fetch http://example.com/InRelease  Temporary failure resolving 'x'\n"
    "E: Unable to locate package curl",
    "uv": "error: Request failed after 3 retries\n  Caused by: dns error",
    "python": "urllib.error.URLError: <urlopen error [Errno 101] Network is unreachable>",
    "curl": "curl: (7) Failed to connect: Connection refused",
}


@pytest.mark.parametrize("program", NETWORK_FAULTS)
def test_a_fault_of_the_network_is_not_blamed_on_the_dockerfile(program):
    stream = BuildStream(lambda event: None)
    stream.feed({"stream": "Step 2/3 : RUN install\n"})
    stream.feed({"stream": f"{NETWORK_FAULTS[program]}\n"})
    with pytest.raises(BuildError) as caught:
        stream.feed({"error": "The command '/bin/sh -c install' returned a non-zero code: 1"})
    assert "the Dockerfile is not the cause" in caught.value.hint


@pytest.mark.parametrize(
    "message",
    [
        "failed to create endpoint x on network bridge: could not find bridge docker0",
        "failed to create task for container: OCI runtime create failed: no such file",
    ],
)
def test_a_fault_of_the_engine_is_not_blamed_on_the_dockerfile(message):
    with pytest.raises(BuildError) as caught:
        BuildStream(lambda event: None).feed({"error": message})
    assert "the engine failed, not the Dockerfile" in caught.value.hint


def test_a_package_for_another_platform_is_not_called_a_conflict():
    stream = BuildStream(lambda event: None)
    lines = (
        "Step 2/3 : RUN uv pip install",
        "error: No solution found when resolving dependencies",
        "  cause: Because pywin32==306 has no wheels with a matching platform tag (e.g.,"
        " `manylinux_2_36_x86_64`) and you require pywin32==306, we can conclude that …",
    )
    stream.feed({"stream": "\n".join(lines) + "\n"})
    with pytest.raises(BuildError) as caught:
        stream.feed({"error": "The command '/bin/sh -c uv' returned a non-zero code: 1"})
    assert caught.value.hint.startswith("pywin32==306 has no wheel for the image's platform")
    assert "win32" in caught.value.hint


def test_a_dockerfile_the_engine_cannot_read_is_a_build_error():
    assert "unknown instruction: FLY" in failure("classic-parse-error").message


@given(st.binary())
def test_no_trace_crashes_the_reader(data):
    import base64

    stream = BuildStream(lambda event: None)
    stream.feed({"id": "moby.buildkit.trace", "aux": base64.b64encode(data).decode()})
