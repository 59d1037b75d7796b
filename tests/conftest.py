"""Fixtures of all tests: isolation from the user's files, real parts, no silent skips."""

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

# --- isolation from the user's files and settings ------------------------------------------------

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")

FOREIGN_PREFIXES = ("FLOWSHIP_", "PREFECT_", "XDG_", "GIT_", "GOOGLE_", "AWS_", "AZURE_")
FOREIGN = {"CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "STORAGE_EMULATOR_HOST", "DOCKER_CONTEXT"}
KEPT = {
    "FLOWSHIP_TAXI_SAMPLE",
    "FLOWSHIP_ATTACK_ROUNDS",
    "FLOWSHIP_KILLS",
    "FLOWSHIP_ROUNDS",
    "FLOWSHIP_SHIP_ROUNDS",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
}


def places(home: Path) -> dict[str, str]:
    """Return environment variables that place the user's files in `home`."""
    return {
        "HOME": str(home),
        "PREFECT_HOME": str(home / ".prefect"),
        "PREFECT_PROFILES_PATH": str(home / ".prefect" / "profiles.toml"),
        "DOCKER_CONFIG": str(home / ".docker"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
    }


def _engine_address() -> dict[str, str]:
    """Return DOCKER_HOST of the user's docker context, which is unknown with another home."""
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


# Without bytecode, every worker would compile the test modules again.
sys.dont_write_bytecode = False

# At the import of this file, because Prefect reads its settings when it is imported, and because
# session fixtures start before the fixtures of a test.
_SESSION_HOME = Path(tempfile.mkdtemp(prefix="flowship-tests-"))
_isolate(os.environ, _SESSION_HOME)


def pytest_sessionstart() -> None:
    # After SIGTERM, for example from CI's time limit, pytest must still stop its servers.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_unconfigure() -> None:
    shutil.rmtree(_SESSION_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new home folder for each test, so that no files of the user are read or written."""
    # pytest's mktemp would read the whole folder each time to find the next number.
    folder = Path(tempfile.mkdtemp(prefix="home-", dir=_SESSION_HOME))
    for name, value in places(folder).items():
        monkeypatch.setenv(name, value)
    return folder


# Background jobs of a shell ignore SIGINT, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is not a failure; in CI, tests of the same commit have the same result.
hypothesis.settings.register_profile("flowship", deadline=None, derandomize=IN_CI)
hypothesis.settings.load_profile("flowship")


# --- real parts ----------------------------------------------------------------------------------

pytest_plugins = [
    "support.parallel",
    "support.projects",
    "support.receiver",
    "support.registry_server",
    "support.server",
]


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """A client of the container engine; without one the test is skipped (in CI it fails)."""
    from parts.engine import connect

    client = connect()
    if client is None:
        pytest.skip("no container engine is running")
    yield client
    client.close()


@pytest.fixture(scope="session")
def prefect_image(engine: DockerClient, request: pytest.FixtureRequest) -> str:
    """The name of a Prefect image in the engine; built if it cannot be pulled."""
    from parts.base_image import NoBaseImage, ensure

    terminal = request.config.pluginmanager.get_plugin("terminalreporter")

    def report(line: str) -> None:
        if terminal is not None:
            terminal.write_line(f"\n==> {line}")

    try:
        return ensure(engine, report)
    except NoBaseImage as exc:
        pytest.skip(f"no Prefect base image: {exc}")


@pytest.fixture(scope="session")
def base_image(engine: DockerClient, prefect_image: str) -> Iterator[str]:
    """The base image of the test's projects: `prefect_image`, in parallel a copy for each worker.

    Builds of equal files on one base share images, so one worker could otherwise remove an image
    between two steps of another worker's build.
    """
    from support.projects import labelled

    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        yield prefect_image
        return
    run = os.environ["PYTEST_XDIST_TESTRUNUID"][:8]
    with labelled(engine, prefect_image, f"{prefect_image}-{worker}-{run}") as own:
        yield own


@pytest.fixture(autouse=True)
def _engine_where_marked(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("engine"):
        request.getfixturevalue("engine")


# --- the command line ----------------------------------------------------------------------------


class Outcome(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    stdout: str
    stderr: str


class Cli(Protocol):
    """Run the real `flowship` in another process."""

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

# The only reasons for which a test can be skipped in CI: data and Pythons that not every machine
# has, and tests that require a user other than root.
SKIPS_ALLOWED = ("FLOWSHIP_TAXI_SAMPLE", "is not on this machine", "as root")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-engine",
        action="store_true",
        default=IN_CI,
        help="a test that is skipped because a part is missing fails (default in CI)",
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
        report.longrepr = f"skipped, which is a failure with --require-engine: {reason}"
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
