"""The engine's answer to a build, event by event: steps, output, and the image or the error.

There are two formats. The classic builder prints text ("Step 3/7 : RUN …"); BuildKit sends
protobuf traces (`moby.buildkit.v1.StatusResponse`, github.com/moby/buildkit/api/services/control).
Both report failures inside a stream that began with HTTP 200. No engine is needed here.
"""

from __future__ import annotations

import base64
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flowship.dockerfile.secrets_scan import masked
from flowship.errors import BuildError
from flowship.events import Output, Report, Step, Transfer

TAIL = 30  # lines of output that a failure shows
STEP_LENGTH = 100  # characters of a step that are shown

# What a failing step printed → what to do about it. The first match counts: without a network, pip
# and apt go on to say that the package does not exist.
ADVICE = (
    (
        r"could not find (bridge|an available)|failed to create (endpoint|shim|network|task)"
        r"|OCI runtime (create|exec) failed|failed to set up container networking|iptables",
        "the engine failed, not the Dockerfile: restart the engine, or see its log",
    ),
    (
        r"Temporary failure (in name resolution|resolving)|failed to lookup address"
        r"|Could not resolve|dns error|Name or service not known|[Nn]etwork is unreachable"
        r"|[Nn]o route to host|connection broken by|Connection (refused|reset|timed out)"
        r"|Could not connect to|Read timed out|TLS handshake timeout|i/o timeout"
        r"|\b50[234] (Bad Gateway|Service Unavailable|Gateway Time)",
        "the step has no network or the server failed; the Dockerfile is not the cause. Check the"
        " engine's network (DNS, proxy) and run the command again, or set index-url in [packages]",
    ),
    (
        r"dockerfile parse error|unknown flag|Unknown flag",
        "this engine's builder does not support that line: heredocs and newer flags need"
        ' "# syntax=docker/dockerfile:1" as the first line, or a newer engine',
    ),
    (
        r"solve with frontend",
        'the frontend in the "# syntax=" line cannot be downloaded: check the engine\'s network,'
        " or remove the line",
    ),
    (
        r"flowship: the project cannot be installed",
        "correct the build of the project or package (`pip install -e .` shows the same), or set"
        " install = false: it is then on Python's path, without being installed",
    ),
    (r"'sklearn' PyPI package is deprecated", "the package is called scikit-learn"),
    (
        r"[Tt]here is no version of (\S+)",
        "check that {} exists in the index for this Python and platform",
    ),
    (
        r"No matching distribution found for (\S+)|"
        r"Because (\S+) was not found in the package registry",
        "check the spelling of {}, and that the index has it for this Python and platform",
    ),
    (
        r"Because (\S+) has no wheels with a matching (?:platform|Python)",
        "{} has no wheel for the image's platform and Python: use another version or another"
        ' package, or limit it with a marker, such as ; sys_platform == "win32"',
    ),
    (
        r"No solution found when resolving|ResolutionImpossible",
        "the requirements conflict: loosen the pins named above",
    ),
    (
        r"invalid peer certificate|CERTIFICATE_VERIFY_FAILED|SSLError",
        "the index's certificate is not trusted in the image: set ca-bundle in [packages]",
    ),
    (
        r"Git executable not found|Cannot find command 'git'|git: (command )?not found",
        'a requirement comes from a Git repository, but the image has no git: set apt = ["git"]',
    ),
    (r"Unable to locate package (\S+)", "apt has no package {}: fix apt = […]"),
    (r"No space left on device", "the engine's disk is full: `docker system prune` frees space"),
    (r"exec format error", "the image is for another processor architecture: check platform"),
    (
        r"gcc.*(not found|No such file)|error: command .*gcc|Failed to build",
        'a package has no wheel for this platform: add a compiler, apt = ["build-essential"]',
    ),
    (
        r"COPY failed|failed to compute cache key|\"(/\S+)\": not found",
        "a COPY source is not in the build context: `flowship check` shows which",
    ),
)


class BuildStream:
    """Reads the engine's events; `image_id` is known at the end.

    Args:
        report: Receives each step and line of output.
    """

    def __init__(self, report: Report) -> None:
        self.image_id: str | None = None
        self._report = report
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._step = Step("")
        self._held: Step | None = None
        self._seen: set[tuple[bytes, bool]] = set()
        self._unfinished = ""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one decoded event.

        Raises:
            BuildError: The event says that the build failed.
        """
        message = event.get("error") or (event.get("errorDetail") or {}).get("message")
        if message or ("message" in event and len(event) == 1):
            raise self._failure(str(message or event["message"]))
        if event.get("id") == "moby.buildkit.trace":
            self._trace(base64.b64decode(event["aux"]))
        elif isinstance(event.get("aux"), dict) and "ID" in event["aux"]:
            self._release()
            self.image_id = event["aux"]["ID"]
        elif "stream" in event:
            self._text(str(event["stream"]))
        elif "status" in event and "id" in event:
            detail = event.get("progressDetail") or {}
            self._report(
                Transfer(
                    event["id"],
                    event["status"],
                    detail.get("current") or 0,
                    detail.get("total") or 0,
                )
            )

    def _text(self, text: str) -> None:
        """Coloured output arrives in pieces; a line is reported when it is complete."""
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        for line in lines:
            self._line(line.rpartition("\r")[2] if not line.endswith("\r") else line)

    def _release(self) -> None:
        """Report the step that was held back until it was known whether the cache has it."""
        if self._held:
            self._report(self._held)
            self._held = None

    def _line(self, line: str) -> None:
        line = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).rstrip()
        found = re.match(r"Step (\d+)/(\d+) : (.*)", line)
        if found:
            self._release()
            self._step = Step(_one_line(found[3]), int(found[1]), int(found[2]))
            self._held = self._step
            self._tail.clear()
            return
        if not line.strip():
            return
        if line == " ---> Using cache" and self._held:
            self._held = replace(self._held, cached=True)
        self._release()
        if line.strip() and not line.startswith(
            (" ---> ", "Removing intermediate", "Successfully ")
        ):
            self._tail.append(line)
            self._report(Output(line))

    def _trace(self, data: bytes) -> None:
        """One StatusResponse: vertexes are field 1, logs field 3."""
        for number, value in _fields(data):
            if number == 1:
                self._vertex(dict(_fields(value)))
            elif number == 3:
                text = dict(_fields(value)).get(4, b"").decode(errors="replace")
                for line in text.splitlines():
                    self._line(line)

    def _vertex(self, vertex: Mapping[int, bytes]) -> None:
        """A Vertex: digest 1, name 3, cached 4, started 5, error 7."""
        name = vertex.get(3, b"").decode(errors="replace")
        cached = vertex.get(4, b"\0") != b"\0"
        key = (vertex.get(1, b""), cached)
        found = re.match(r"\[(?:\S+ )?(\d+)/(\d+)\] (.*)", name)
        if found and (5 in vertex or cached) and key not in self._seen:
            self._seen.add(key)
            self._step = Step(_one_line(found[3]), int(found[1]), int(found[2]), cached)
            self._report(self._step)

    def _failure(self, message: str) -> BuildError:
        self._text("\n")
        self._release()
        tail = "\n".join(self._tail)
        hint = (
            "the lines above are the output of the step"
            if tail
            else "see the message above, and the engine's log"
        )
        for pattern, advice in ADVICE:
            if found := re.search(pattern, f"{tail}\n{message}"):
                named = next((g for g in found.groups() if g), "it") if found.groups() else ""
                hint = advice.format(named)
                break
        where = f"step {self._step.number}/{self._step.total}" if self._step.total else ""
        step = f": {self._step.text}" if self._step.text else ""
        ended = re.search(r"returned a non-zero code: (\d+)|exit code: (\d+)", message)
        if ended:
            return BuildError(
                f"the build failed at {where or 'a step'}{step} (exit code {ended[1] or ended[2]})",
                code="build-step-failed",
                hint=hint,
                details=tail,
            )
        return BuildError(
            f"the engine could not build the image: {message.strip()}",
            hint=hint,
            where=where,
            details=tail,
        )


def _one_line(text: str) -> str:
    """A step as one short line without secrets: the template's RUN is a small program."""
    line = masked(re.sub(r"\s*\\?\s+", " ", text).strip())
    return line if len(line) <= STEP_LENGTH else line[: STEP_LENGTH - 1] + "…"


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a protobuf message: number and raw value; varints as bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 2:
            length, at = _varint(data, at)
            yield number, data[at : at + length]
            at += length
        elif kind == 0:
            value, at = _varint(data, at)
            yield number, value.to_bytes(8, "big").lstrip(b"\0") or b"\0"
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, at
