"""What the exporters of lockfiles share: their interface, and how their tools are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flowship.config import files
from flowship.errors import ConfigError
from flowship.redaction import mask_text

SECONDS = 60
"""How long a tool may take; an export needs one or two."""

MOST_OUTPUT = 20
"""Lines of a tool's output that an error shows."""


@dataclass(frozen=True)
class Selection:
    """What to install in addition to the main dependencies.

    Attributes:
        groups: Dependency groups.
        extras: Optional dependencies.
        package: The member of a workspace, if the lockfile is of a whole one.
    """

    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    package: str = ""


@dataclass(frozen=True)
class Copy:
    """A temporary copy of a lockfile and of what it was made from.

    Attributes:
        top: The temporary folder.
        folder: The folder of the copy, deep below `top`.
    """

    top: Path
    folder: Path


@dataclass(frozen=True)
class Exported:
    """What an exporter says a lockfile contains.

    Attributes:
        text: In pip's requirements format, with hashes where the lockfile has them.
        copy: Where the tool ran, if not next to the lockfile.
        indexes: The package indexes of the packages, if the text does not name them.
    """

    text: str
    copy: Copy | None = None
    indexes: tuple[str, ...] = ()


class LockExporter(Protocol):
    """Exports one kind of lockfile.

    Attributes:
        file: The usual name of the lockfile.
        shown: What reads it, for messages: "uv export".
        made_from: The usual name of the file that it is made from.
        command: What makes it again; empty if there is no one tool for it.
    """

    file: str
    shown: str
    made_from: str
    command: str

    def export(self, lock: Path, selection: Selection) -> Exported:
        """The packages of a lockfile, for every platform and Python that it was made for.

        Raises:
            ConfigError: It is stale or invalid, or its tool is missing or fails.
        """


# --- errors --------------------------------------------------------------------------------------


def stale(lock: Path, command: str) -> ConfigError:
    """The lockfile is older than what it was made from."""
    made_from = "Pipfile" if lock.name == "Pipfile.lock" else "pyproject.toml"
    return ConfigError(
        f"{lock.name} does not match {made_from}",
        code="lock-stale",
        hint=f"run `{command}`, and commit {lock.name}",
        where=str(lock),
    )


def failed(lock: Path, command: str, reason: str, details: str = "", hint: str = "") -> ConfigError:
    """The lockfile cannot be exported."""
    return ConfigError(
        f"{lock.name} cannot be exported: {reason}",
        code="lock-export-failed",
        hint=hint or f"run `{command}` in {lock.parent}, and repair what it reports",
        details=details,
        where=str(lock),
    )


def _missing(lock: Path, tool: str) -> ConfigError:
    return ConfigError(
        f"{lock.name} is read with {tool}, which is not installed",
        code="lock-tool-missing",
        hint=f"install it with `pipx install {tool}`; or set lock = false to use another list of"
        " dependencies",
        where=str(lock),
    )


# --- running a tool ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """How a tool ended.

    Attributes:
        code: Its exit code.
        stdout: Its result.
        said: Everything that it printed for people.
    """

    code: int
    stdout: str
    said: str


# The tools must not ask, print colors, look for updates, or use the environment that flowship is
# in. Their own variables (addresses and logins of indexes) stay.
_ENVIRONMENT = {
    "NO_COLOR": "1",
    "PDM_CHECK_UPDATE": "0",
    "PDM_IGNORE_SAVED_PYTHON": "1",
    "PDM_NON_INTERACTIVE": "1",
    "PDM_USE_VENV": "0",  # else it creates one
    "PIPENV_DONT_LOAD_ENV": "1",
    "PIPENV_IGNORE_VIRTUALENVS": "1",
    "PIPENV_NOSPIN": "1",
    "PIPENV_VERBOSITY": "-1",
    "POETRY_NO_INTERACTION": "1",
    "POETRY_VIRTUALENVS_CREATE": "false",
    "UV_PYTHON_DOWNLOADS": "never",
}
_REMOVED = ("VIRTUAL_ENV", "CONDA_PREFIX", "PIPENV_PIPFILE", "PDM_PROJECT", "PDM_LOCKFILE")


def run(lock: Path, tool: str, *arguments: str, folder: Path | None = None) -> Done:
    """Run a lockfile's tool, without a shell.

    Args:
        lock: The lockfile.
        tool: The program.
        arguments: Its arguments.
        folder: Where to run it; by default the lockfile's.

    Raises:
        ConfigError: It is not installed, cannot be run, or takes too long.
    """
    command = [executable(lock, tool), *arguments]
    shown = " ".join([tool, *arguments])
    try:
        done = subprocess.run(
            command,
            cwd=folder or lock.parent,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise failed(lock, shown, f"`{shown}` took longer than {SECONDS} seconds") from exc
    except OSError as exc:
        raise failed(lock, shown, f"{tool} cannot be run: {exc.strerror}") from exc
    stdout = done.stdout.decode(errors="replace")
    return Done(done.returncode, stdout, stdout + done.stderr.decode(errors="replace"))


def run_in_copy(
    lock: Path, made_from: str, tool: str, *commands: Sequence[str]
) -> tuple[Copy, list[Done]]:
    """Run a tool's commands in a copy, at the same time: each takes a second, and they do not
    depend on each other.

    Args:
        lock: The lockfile.
        made_from: The file next to it that it was made from.
        tool: The program.
        commands: The arguments of each command.

    Raises:
        ConfigError: As `run` and `copied`.
    """
    with copied(lock, made_from) as copy, ThreadPoolExecutor() as threads:
        return copy, list(threads.map(lambda c: run(lock, tool, *c, folder=copy.folder), commands))


def each(option: str, names: Iterable[str]) -> list[str]:
    """``--group a --group b``, as a list."""
    return [word for name in names for word in (option, name)]


def executable(lock: Path, tool: str) -> str:
    """The path of a tool: on PATH, else next to this Python.

    Raises:
        ConfigError: It is not installed.
    """
    # Never the project's own file of this name, which a relative folder on PATH would find.
    folders = [f for f in os.get_exec_path() if Path(f).is_absolute()]
    folders.append(str(Path(sys.executable).parent))
    found = shutil.which(tool, path=os.pathsep.join(folders))
    if found is None:
        raise _missing(lock, tool)
    return found


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _REMOVED and not name.startswith(("FLOWSHIP_", "PREFECT_"))
    }
    return kept | _ENVIRONMENT


def require_success(lock: Path, done: Done, command: str, hint: str = "") -> str:
    """The result of a tool that succeeded.

    Raises:
        ConfigError: It failed; the error has the end of its output.
    """
    if done.code == 0:
        return done.stdout
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", done.said)
    lines = [line for line in plain.splitlines() if line.strip()]
    details = mask_text("\n".join(lines[-MOST_OUTPUT:]))
    raise failed(lock, command, f"`{command}` failed", details, hint)


@contextmanager
def copied(lock: Path, *others: str) -> Iterator[Copy]:
    """A copy of only the lockfile and the named files next to it.

    There a tool finds neither plugins nor an environment of the project, and writes nothing into
    the project.

    Raises:
        ConfigError: One of the files is missing or cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="flowship-lock-") as name:
        # So deep that a relative path of the lockfile with some ".." is still below the temporary
        # folder, unlike an absolute one.
        top = Path(name).resolve()
        folder = top.joinpath(*"abcdefgh")
        folder.mkdir(parents=True)
        for each in (lock.name, *others):
            path = lock.parent / each
            where = f"{lock.name} was made from {each}"
            text = files.read_text(path, where, where=str(lock), hint=f"{each} must be next to it")
            (folder / each).write_text(text, encoding="utf-8")
        yield Copy(top, folder)
