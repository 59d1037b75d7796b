"""The real `flowship` as a process, for fixtures that outlive one test, and JSON shapes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import typer.main
from parts.prefect_server import ask as ask

from flowship.cli import app
from flowship.output.console import JSON_VERSION

PROGRAM = Path(sys.executable).with_name("flowship")
PATIENCE = 180  # seconds until something that will surely happen


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        return one_object(self.stdout)


def flowship(
    *arguments: str, cwd: Path, env: Mapping[str, str], ok: bool = False, timeout: float = 600
) -> Outcome:
    """Run a command; with `ok` it has to end well."""
    done = subprocess.run(
        [str(PROGRAM), *arguments],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    assert not ok or done.returncode == 0, f"flowship {' '.join(arguments)}:\n{done.stderr}"
    return Outcome(done.returncode, done.stdout, done.stderr)


def world(home: Path, **extra: str) -> dict[str, str]:
    """An environment whose user files are all below `home`, and that sets no API."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "FLOWSHIP_"))}
    return kept | {
        "HOME": str(home),
        "PREFECT_HOME": str(home / ".prefect"),
        "DOCKER_CONFIG": str(home / ".docker"),
        "FLOWSHIP_STATE_DIR": str(home / "state"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **extra,
    }


class Running:
    """A command that goes on while the test does something; what it says can be waited for."""

    def __init__(self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [str(PROGRAM), *arguments],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._said.append(line)

    @property
    def stderr(self) -> str:
        """What was said up to now."""
        return "".join(self._said)

    def until(self, text: str) -> None:
        """Wait for `text` on stderr."""
        until(lambda: text in self.stderr or self.process.poll() is not None)
        assert text in self.stderr, self.stderr

    def interrupt(self) -> Outcome:
        """Press Ctrl-C and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> Outcome:
        """Wait for the end."""
        assert self.process.stdout is not None
        stdout = self.process.stdout.read()
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return Outcome(code, stdout, self.stderr)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def until(happened: Callable[[], object], every: float = 0.1) -> Any:
    """Wait until `happened` answers something true, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := happened()):
        assert time.monotonic() < deadline, "this did not happen"
        time.sleep(every)
    return answer


# --- the tree of commands ------------------------------------------------------------------------


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))


ROOT: Any = typer.main.get_command(app)
COMMANDS = dict(_commands(ROOT))
"""Path → command, for every command and group below the root."""
LEAVES = [path for path, command in COMMANDS.items() if not hasattr(command, "commands")]


def parse(words: Sequence[str]) -> tuple[str, ...]:
    """Parse a command line without running it; returns the command's path.

    Raises an error of Typer's parser where the command line is wrong.
    """
    command, path, rest = ROOT, (), list(words)
    while hasattr(command, "commands"):
        context = command.make_context(" ".join(path), rest, resilient_parsing=False)
        name, *rest = [*context._protected_args, *context.args]
        command, path = command.commands[name], (*path, name)
    command.make_context(" ".join(path), rest)
    return path


# --- shapes --------------------------------------------------------------------------------------


def one_object(stdout: str) -> Any:
    """The one JSON object that `stdout` consists of, its version checked and taken out."""
    value, end = json.JSONDecoder().raw_decode(stdout)
    assert stdout[end:] == "\n", f"more than one object: {stdout[end:][:200]}"
    assert isinstance(value, dict)
    assert value.pop("version") == JSON_VERSION
    return value


class Maybe:
    """A shape that may also be null."""

    def __init__(self, shape: object) -> None:
        self.shape = shape


class Any_:
    """Any list of a shape, also an empty one."""

    def __init__(self, shape: object) -> None:
        self.shape = shape


def misfits(value: object, shape: object, at: str = "") -> list[str]:
    """Where `value` is not of `shape`.

    Shapes: a type; a dict with exactly these keys; ``[shape]``, a list with at least one item;
    ``Any_(shape)``, a list that may be empty; ``Maybe(shape)``, or null; ``object``, anything.
    """
    if isinstance(shape, Maybe):
        return [] if value is None else misfits(value, shape.shape, at)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{at or 'all'} is {value!r}, not an object"]
        found = [f"{at}.{key} is missing" for key in shape.keys() - value.keys()]
        found += [f"{at}.{key} is new" for key in value.keys() - shape.keys()]
        for key in shape.keys() & value.keys():
            found += misfits(value[key], shape[key], f"{at}.{key}")
        return found
    if isinstance(shape, list | Any_):
        if not isinstance(value, list):
            return [f"{at} is {value!r}, not a list"]
        if isinstance(shape, list) and not value:
            return [f"{at} is empty, so its items are not pinned"]
        inner = shape[0] if isinstance(shape, list) else shape.shape
        return [m for i, item in enumerate(value) for m in misfits(item, inner, f"{at}[{i}]")]
    assert isinstance(shape, type)
    right = isinstance(value, shape) and (shape is not int or not isinstance(value, bool))
    return [] if right else [f"{at} is {value!r}, not {shape.__name__}"]
