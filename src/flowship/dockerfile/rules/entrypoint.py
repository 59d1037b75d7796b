"""Rule `entrypoint`: the ENTRYPOINT must run the command that it receives.

A worker starts a run with a command, which the engine appends to the image's ENTRYPOINT. `tini --`
or a script that ends in ``exec "$@"`` runs it; `python` takes it as the name of a script. Only what
is certain is an error, because the probe after the build starts through the ENTRYPOINT as well.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from flowship.dockerfile.rules.entrypoint_script import ScriptProblem, script_problem
from flowship.dockerfile.rules.findings import Finding, Severity, View

# Programs that run the command that follows their own options.
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
    """Check the ENTRYPOINT of the finished image: the last one in its stages."""
    steps = [step for stage in view.trace.final_lineage for step in stage.steps if not step.stored]
    last = next((s for s in reversed(steps) if s.instruction.keyword == "ENTRYPOINT"), None)
    rest = last.instruction.rest if last else None
    if last is None or rest is None or not rest.text:
        return
    script = _script_problem(view, _words(rest.text) or [])
    if script:
        place = (rest.start, rest.end)
        yield from view.finding("entrypoint", place, script.reason, script.help, step=last)
        return
    problem = _problem(rest.text)
    if problem:
        yield from view.finding(
            "entrypoint",
            (rest.start, rest.end),
            f"{problem.reason}; a worker starts every run with the command"
            " `prefect flow-run execute`",
            'remove this line, or use a script that ends with: exec "$@"',
            severity=problem.severity,
            step=last,
        )


@dataclass(frozen=True)
class _Problem:
    """Why an ENTRYPOINT does not run its command; a warning where that is not certain."""

    reason: str
    severity: Severity = Severity.ERROR


def _problem(text: str) -> _Problem | None:
    """What is wrong with the arguments of an ENTRYPOINT, if anything."""
    words = _words(text)
    if words is None:
        return _Problem("an ENTRYPOINT in shell form (without brackets) ignores the command")
    return _problem_in_words(words)


def _words(text: str) -> list[str] | None:
    """The words of the JSON form, as builders read it: they ignore what follows the list."""
    try:
        words, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return words if is_list else None


def _script_problem(view: View, words: list[str]) -> ScriptProblem | None:
    """What keeps the script from starting that is first, or behind wrappers or a shell."""
    by_shell = False
    for at, word in enumerate(words):
        name = posixpath.basename(word)
        if name in _SHELLS:
            by_shell = True
        elif by_shell and word.startswith("-") and "c" in word:
            return None  # the next word is a command
        elif name not in _WRAPPERS and not word.startswith("-"):
            return script_problem(view, words[at:], by_shell=by_shell)
    return None


def _problem_in_words(words: list[str]) -> _Problem | None:
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
            return _Problem(f"this ENTRYPOINT starts {name}, which does not run the command")
        if name not in _WRAPPERS and not wrapped:
            reason = f"flowship does not know whether {word} runs the command"
            return _Problem(reason, Severity.WARNING)
        wrapped = True  # the options of a wrapper are next, and then the program that it runs
    return None


def _interpreter(name: str, rest: list[str]) -> _Problem | None:
    if not rest:
        return _Problem(f"{name} takes the command as the name of a script")
    file = posixpath.basename(next((word for word in rest if not word.startswith("-")), rest[0]))
    if "entrypoint" in file:
        return None
    if {"-m", "-c"} & set(rest):
        reason = f"this ENTRYPOINT probably runs {file} instead of the command"
        return _Problem(reason, Severity.WARNING)
    return _Problem(f"this ENTRYPOINT runs {file} instead of the command")


def _shell(name: str, rest: list[str]) -> _Problem | None:
    if any("$@" in word or "$*" in word for word in rest):
        return None
    if any(re.fullmatch(r"-\w*c", word) for word in rest):
        return _Problem(f"{name} -c ignores the command")
    if all(word.startswith("-") for word in rest):
        return _Problem(f"{name} takes the command as the name of a script")
    return None
