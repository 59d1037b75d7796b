"""Run a command with a container engine: the running one, or a dockerd that is started for it.

    python -m parts.engine [--home DIR] [--program NAME …] -- COMMAND …

runs COMMAND with an engine and the named programs, and exits with its exit code. If no engine is
running, and the user is root on Debian or Ubuntu, docker.io is installed if necessary and
`dockerd` started. It is always stopped at the end. On other machines COMMAND runs without an
engine, after a warning.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import docker
from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from parts import debian

Report = Callable[[str], None]

SOCKET = "/var/run/docker.sock"
PROGRAMS = {"dockerd": "docker.io", "iptables": "iptables"}
LOG = Path(__file__).parents[2] / ".cache" / "dockerd.log"

START_TIMEOUT = 60  # seconds
STOP_TIMEOUT = 30  # seconds; dockerd gives each container 10 s to end


class NoEngine(Exception):
    """No engine is running and none can be started; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """The socket and the folders of a dockerd; the standard ones by default."""

    home: Path | None = None

    @property
    def url(self) -> str:
        """The address that clients connect to."""
        return f"unix://{self.home / 'docker.sock' if self.home else SOCKET}"

    @property
    def command(self) -> list[str]:
        """The command that starts dockerd."""
        dockerd = [debian.which("dockerd") or "dockerd", "--host", self.url]
        if self.home is None:
            return dockerd
        # Nothing is shared with the machine's engine, not even the network: two daemons in one
        # network namespace remove each other's bridge and firewall rules.
        return [
            *("unshare", "--net", *dockerd),
            *("--data-root", str(self.home / "data")),
            *("--exec-root", str(self.home / "exec")),
            *("--pidfile", str(self.home / "docker.pid")),
        ]


def connect(url: str | None = None) -> DockerClient | None:
    """Return a client of the engine at `url`, or at the docker command's default; None if down."""
    try:
        client = DockerClient(base_url=url) if url else docker.from_env()
        client.ping()
    except (DockerException, RequestException):
        return None
    return client


@contextlib.contextmanager
def running(
    report: Report, *, home: Path | None = None, keep: bool = False
) -> Iterator[DockerClient]:
    """Provide a running engine for the length of the block.

    Args:
        report: Called with a line of text for each step.
        home: A folder for a separate engine, which has no network. ``DOCKER_HOST`` is set to
            its address for the length of the block.
        keep: Do not stop an engine that was started here; report how to stop it.

    Raises:
        NoEngine: No engine is running and none can be started.
    """
    place = Place(home)
    client = connect(place.url if home else None)
    process = None
    if client is None:
        process, client = _start(place, report, keep=keep)
    try:
        with _docker_host(place if process or home else None):
            yield client
    finally:
        client.close()
        if process is not None and keep:
            report(f"the engine is still running; to stop it: kill {process.pid}")
        elif process is not None:
            _stop(process)


@contextlib.contextmanager
def _docker_host(place: Place | None) -> Iterator[None]:
    if place is None:
        yield
        return
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = place.url
    try:
        yield
    finally:
        del os.environ["DOCKER_HOST"]
        if before is not None:
            os.environ["DOCKER_HOST"] = before


def _start(
    place: Place, report: Report, *, keep: bool
) -> tuple[subprocess.Popen[bytes], DockerClient]:
    if os.environ.get("DOCKER_HOST") and place.home is None:
        raise NoEngine(
            f"no engine responds at DOCKER_HOST={os.environ['DOCKER_HOST']}: start it or unset it"
        )
    if Path(SOCKET).exists() and not os.access(SOCKET, os.W_OK):
        raise NoEngine(f"no permission to use {SOCKET}: join the docker group, or run this as root")
    if not debian.can_install():
        raise NoEngine(
            "no container engine is running, and one can be started automatically only as root on"
            " Debian or Ubuntu: start Docker, then run this again"
        )
    try:
        debian.ensure(PROGRAMS, report)
    except debian.CannotInstall as exc:
        raise NoEngine(str(exc)) from exc
    log = place.home / "dockerd.log" if place.home else LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    report(f"no container engine is running: starting dockerd (log: {log})")
    command = place.command
    if not keep and shutil.which("setpriv"):
        # If this process is killed, the kernel stops dockerd.
        command = ["setpriv", "--pdeathsig", "TERM", *command]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C must reach this process only, which then stops dockerd
        )
    try:
        return process, _wait(process, place, log)
    except BaseException:
        _stop(process)
        raise


def _wait(process: subprocess.Popen[bytes], place: Place, log: Path) -> DockerClient:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        client = connect(place.url)
        if client is not None:
            return client
        time.sleep(0.2)
    ended = process.poll() is not None
    what = "exited immediately" if ended else f"did not respond within {START_TIMEOUT} s"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise NoEngine(f"dockerd {what}; last lines of {log}:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# --- the command -------------------------------------------------------------------------------


def say(text: str) -> None:
    """Print a line about progress on stderr."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    for line in text.splitlines():
        print(f"!!! {line}", file=sys.stderr, flush=True)


def _run(command: Sequence[str]) -> int:
    """Run `command`, forward SIGTERM to it, and return its exit code as a shell does."""
    process: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        if process is not None:
            process.send_signal(number)

    def wait_on(_number: int, _frame: FrameType | None) -> None:
        """Ignore Ctrl-C: the terminal sends it to the command as well, and this waits for that.

        An exception here could be raised after the command's end, before its code is read.
        """

    before = [(signal.SIGTERM, signal.signal(signal.SIGTERM, forward))]
    before += [(signal.SIGINT, signal.signal(signal.SIGINT, wait_on))]
    try:
        process = subprocess.Popen(command)
        code = process.wait()
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _ensure_programs(names: Sequence[str]) -> None:
    try:
        debian.ensure({name: name for name in names}, say)
    except debian.CannotInstall as exc:
        warn(str(exc))


def main() -> int:
    """Run the command line that the module's docstring describes."""
    parser = argparse.ArgumentParser(prog="python -m parts.engine")
    parser.add_argument("--home", type=Path, help="use a separate engine in this folder")
    parser.add_argument(
        "--program",
        action="append",
        default=[],
        help="another required program, installed from the Debian package of the same name",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    # SIGTERM while the engine starts must still stop it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        _ensure_programs(options.program)
        with running(say, home=options.home and options.home.resolve()):
            return _run(command)
    except NoEngine as exc:
        warn(str(exc))
        warn("continuing WITHOUT a container engine")
        return _run(command)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
