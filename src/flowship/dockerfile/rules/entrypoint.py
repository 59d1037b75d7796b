"""Rule `entrypoint`: whether an ENTRYPOINT runs the command that it is given.

A worker starts a run as a command, which the engine appends to the image's ENTRYPOINT. `tini --`
or a script that ends in ``exec "$@"`` runs it; `python` takes it for a script's name. Only what
is sure is called an error: the probe, which goes through the ENTRYPOINT, has the last word.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from flowship.dockerfile.rules.findings import Finding, View

# Programs that run the command behind their own options.
_WRAPPERS = frozenset(
    {"tini", "tini-static", "dumb-init", "catatonit", "docker-init", "env", "gosu", "su-exec"}
    | {"init", "nice", "ionice", "stdbuf", "setpriv", "chpst", "runuser", "sudo", "xvfb-run"}
    | {"exec", "ddtrace-run", "opentelemetry-instrument", "newrelic-admin", "doppler", "chamber"}
    | {"uv", "poetry", "pipenv", "pdm", "hatch", "conda", "mamba", "micromamba", "numactl", "time"}
)
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_INTERPRETERS = re.compile(r"python[\d.]*|pypy3?|ipython")
_PROGRAMS = frozenset({"prefect", "flowship", "papermill", "jupyter", "uvicorn", "gunicorn"})


def entrypoint(view: View) -> Iterator[Finding]:
    """The one that the image ends up with: the last in its stages."""
    steps = [step for stage in view.trace.final_lineage for step in stage.steps if not step.stored]
    last = next((s for s in reversed(steps) if s.instruction.keyword == "ENTRYPOINT"), None)
    rest = last.instruction.rest if last else None
    if last is None or rest is None or not rest.text:
        return
    found = _verdict(rest.text)
    if found:
        yield from view.finding(
            "entrypoint",
            (rest.start, rest.end),
            f"{found.reason}; a worker starts the run as that command, `prefect flow-run execute`",
            'remove this line, or name a script that ends with: exec "$@"',
            severity="error" if found.certain else "warning",
            step=last,
        )


@dataclass(frozen=True)
class _Verdict:
    """Why an ENTRYPOINT does not run its command, and whether that is sure."""

    reason: str
    certain: bool = True


def _verdict(text: str) -> _Verdict | None:
    """Judge what stands behind ENTRYPOINT; None where nothing speaks against it."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return _Verdict("an ENTRYPOINT that is not in JSON form drops the command it is given")
    return _judge(words)


def _judge(words: list[str]) -> _Verdict | None:
    wrapped = False
    for at, word in enumerate(words):
        name = posixpath.basename(word)
        if "entrypoint" in name or name.endswith((".sh", ".bash")) or "$" in word:
            return None
        if _INTERPRETERS.fullmatch(name):
            return _interpreter(name, words[at + 1 :])
        if name in _SHELLS:
            return _shell(name, words[at + 1 :])
        if name in _PROGRAMS:
            return _Verdict(f"this ENTRYPOINT starts {name}, which does not run the command")
        if name not in _WRAPPERS and not wrapped:
            return _Verdict(f"nobody can tell whether {word} runs the command it is given", False)
        wrapped = True  # behind a wrapper come its options, and then what it runs
    return None


def _interpreter(name: str, rest: list[str]) -> _Verdict | None:
    if not rest:
        return _Verdict(f"{name} takes the command it is given for the name of a script")
    file = next((word for word in rest if not word.startswith("-")), rest[0])
    if "entrypoint" in posixpath.basename(file):
        return None
    certain = not {"-m", "-c"} & set(rest)
    reason = f"this ENTRYPOINT starts {posixpath.basename(file)}, not the command it is given"
    return _Verdict(reason, certain) if certain else _Verdict(f"it seems that {reason}", False)


def _shell(name: str, rest: list[str]) -> _Verdict | None:
    if any("$@" in word or "$*" in word for word in rest):
        return None
    if any(re.fullmatch(r"-\w*c", word) for word in rest):
        return _Verdict(f"{name} -c drops the command it is given")
    if all(word.startswith("-") for word in rest):
        return _Verdict(f"{name} takes the command it is given for the name of a script")
    return None
