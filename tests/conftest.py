"""What every test stands on: a world apart from the user's, real parts, and no silent skips."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import hypothesis
import pytest

if TYPE_CHECKING:
    from docker import DockerClient

TESTS = Path(__file__).parent

# --- apart from the user's world -----------------------------------------------------------------

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")

FOREIGN_PREFIXES = ("FLOWSHIP_", "PREFECT_", "XDG_", "GIT_", "GOOGLE_", "AWS_", "AZURE_")
FOREIGN = {"CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "STORAGE_EMULATOR_HOST", "DOCKER_CONTEXT"}
KEPT = {"FLOWSHIP_TAXI_SAMPLE", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE"}


def places(home: Path) -> dict[str, str]:
    """The variables that send whoever looks for the user's files to `home` instead."""
    return {
        "HOME": str(home),
        "PREFECT_HOME": str(home / ".prefect"),
        "PREFECT_PROFILES_PATH": str(home / ".prefect" / "profiles.toml"),
        "DOCKER_CONFIG": str(home / ".docker"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
    }


def _engine_address() -> dict[str, str]:
    """The engine of the user's docker context, which cannot be looked up from another home."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    if os.environ.get("DOCKER_HOST"):
        return {}
    try:
        context = ContextAPI.get_current_context()
    except DockerException:
        return {}
    if context is None or context.Name == "default" or not context.Host:
        return {}
    return {"DOCKER_HOST": context.Host}


def _isolate(environ: MutableMapping[str, str], home: Path) -> None:
    environ.update(_engine_address())
    for name in list(environ):
        if name not in KEPT and (name in FOREIGN or name.startswith(FOREIGN_PREFIXES)):
            del environ[name]
    environ.update(places(home))
    environ.update(
        DO_NOT_TRACK="1",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_AUTHOR_NAME="Ada",
        GIT_AUTHOR_EMAIL="ada@example.com",
        GIT_COMMITTER_NAME="Ada",
        GIT_COMMITTER_EMAIL="ada@example.com",
    )


# Test modules are compiled by every worker and Python; do it once, whatever the environment says.
sys.dont_write_bytecode = False

# While this file is being imported: Prefect reads its settings when it is itself imported, and
# fixtures of the whole session start before any fixture of a test.
_SESSION_HOME = Path(tempfile.mkdtemp(prefix="flowship-tests-"))
_isolate(os.environ, _SESSION_HOME)


def pytest_sessionstart() -> None:
    # Asked to end, by CI's time limit say, pytest must still stop the servers it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_unconfigure() -> None:
    shutil.rmtree(_SESSION_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of this test's own; nothing of the user's is read or written."""
    # Not pytest's mktemp: it reads the whole folder for the next number, each time.
    folder = Path(tempfile.mkdtemp(prefix="home-", dir=_SESSION_HOME))
    for name, value in places(folder).items():
        monkeypatch.setenv(name, value)
    return folder


# A shell's background jobs ignore Ctrl-C, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no bug; and in CI the same commit gets the same verdict twice.
hypothesis.settings.register_profile("flowship", deadline=None, derandomize=IN_CI)
hypothesis.settings.load_profile("flowship")


# --- real parts ----------------------------------------------------------------------------------

pytest_plugins = [
    "support.parallel",
    "support.projects",
    "support.registry_server",
    "support.server",
]


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """A client of the container engine; the test is skipped (in CI: fails) where none answers."""
    from parts.engine import connect

    client = connect()
    if client is None:
        pytest.skip("no container engine answers")
    yield client
    client.close()


@pytest.fixture(scope="session")
def base_image(engine: DockerClient, request: pytest.FixtureRequest) -> str:
    """The name of a Prefect base image that the engine has; built where none can be pulled."""
    from parts.base_image import NoBaseImage, ensure

    terminal = request.config.pluginmanager.get_plugin("terminalreporter")

    def report(line: str) -> None:
        if terminal is not None:
            terminal.write_line(f"\n==> {line}")

    try:
        return ensure(engine, report)
    except NoBaseImage as exc:
        pytest.skip(f"no Prefect base image: {exc}")


@pytest.fixture(autouse=True)
def _engine_where_marked(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("engine"):
        request.getfixturevalue("engine")


# --- the command line ----------------------------------------------------------------------------


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


class Cli(Protocol):
    """Runs the real `flowship` as a process of its own."""

    def __call__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 600,
    ) -> Outcome: ...


@pytest.fixture
def cli(tmp_path: Path, home: Path) -> Cli:
    """``code, stdout, stderr = cli("check", "--json", cwd=folder)``; `tmp_path` by default."""
    program = Path(sys.executable).with_name("flowship")

    def run(
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 600,
    ) -> Outcome:
        done = subprocess.run(
            [str(program), *arguments],
            cwd=cwd or tmp_path,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


# --- no silent skips -----------------------------------------------------------------------------

# The only reasons that may skip a test in CI: data and Pythons that only some machines have, and
# a test of what a user without root's rights sees.
SKIPS_ALLOWED = ("FLOWSHIP_TAXI_SAMPLE", "is not on this machine", "as root")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-engine",
        action="store_true",
        default=IN_CI,
        help="a test that is skipped because a part is missing fails (always so in CI)",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    report = yield
    if not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = _reason(report)
    if item.config.getoption("--require-engine") and not any(s in reason for s in SKIPS_ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure here: {reason}"
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for report in chain(*terminalreporter.stats.values()):
        for name, value in getattr(report, "user_properties", []):
            if name == "summary" and report.when == "call":
                terminalreporter.write_line(f"==> {value}")
    if config.getoption("cov_source", None):
        line = f"==> coverage of src/flowship by in-process tests: {_coverage():.0f} %"
        terminalreporter.write_line(line)
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    for reason, count in reasons.items():
        tests = "1 test" if count == 1 else f"{count} tests"
        terminalreporter.write_line(f"!!! NOT TESTED ({tests}): {reason}", red=True, bold=True)


def _coverage() -> float:
    import coverage

    measured = coverage.Coverage()
    measured.load()
    return measured.report(file=io.StringIO())


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):  # file, line, reason
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr)
