"""A container engine for as long as it is needed: the one that answers, else one of our own.

    python -m parts.engine [--home DIR] [--program NAME …] -- COMMAND …

runs COMMAND with an engine and the named programs, and exits as it did. Where no engine
answers and we are root on Debian or Ubuntu, docker.io is installed if need be, `dockerd`
started, and stopped at the end, whatever the end was. Elsewhere COMMAND runs without one, and
a loud line says so.
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

ANSWER_SECONDS = 60
STOP_SECONDS = 30  # dockerd gives each container 10 s to end


class NoEngine(Exception):
    """No engine answers and none can be started; the text says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where a dockerd of ours listens and keeps its things; the standard places by default."""

    home: Path | None = None

    @property
    def url(self) -> str:
        """The address clients use."""
        return f"unix://{self.home / 'docker.sock' if self.home else SOCKET}"

    @property
    def command(self) -> list[str]:
        """What starts dockerd there."""
        dockerd = [debian.which("dockerd") or "dockerd", "--host", self.url]
        if self.home is None:
            return dockerd
        # Apart from the machine's engine in everything, the network above all: two daemons in
        # one network namespace take away each other's bridge and firewall rules.
        return [
            *("unshare", "--net", *dockerd),
            *("--data-root", str(self.home / "data")),
            *("--exec-root", str(self.home / "exec")),
            *("--pidfile", str(self.home / "docker.pid")),
        ]


def connect(url: str | None = None) -> DockerClient | None:
    """A client of the engine that answers at `url`, or where the docker command would look."""
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
    """An engine that answers, for the length of the block.

    Args:
        report: Called with a sentence about each step.
        home: A folder for an engine of its own, apart from the machine's and without a way
            out to the network (tests, trials). While the block lasts, ``DOCKER_HOST`` is it.
        keep: Leave an engine that was started here running, and say how to stop it.

    Raises:
        NoEngine: There is none and none can be had.
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
            report(f"the engine keeps running; stop it with: kill {process.pid}")
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
            f"no engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}: start it, or unset it"
        )
    if Path(SOCKET).exists() and not os.access(SOCKET, os.W_OK):
        raise NoEngine(
            f"{SOCKET} is there, but this user may not use it: join the docker group, or be root"
        )
    if not debian.can_install():
        raise NoEngine(
            "no container engine answers here, and only root on Debian or Ubuntu can have one"
            " started from here: start Docker, then run this again"
        )
    try:
        debian.ensure(PROGRAMS, report)
    except debian.CannotInstall as exc:
        raise NoEngine(str(exc)) from exc
    log = place.home / "dockerd.log" if place.home else LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    report(f"no container engine answers: starting dockerd (its log: {log})")
    command = place.command
    if not keep and shutil.which("setpriv"):
        # Should we be killed outright, the kernel stops dockerd for us.
        command = ["setpriv", "--pdeathsig", "TERM", *command]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we then stop dockerd ourselves
        )
    try:
        return process, _wait(process, place, log)
    except BaseException:
        _stop(process)
        raise


def _wait(process: subprocess.Popen[bytes], place: Place, log: Path) -> DockerClient:
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        client = connect(place.url)
        if client is not None:
            return client
        time.sleep(0.2)
    ended = process.poll() is not None
    what = "ended at once" if ended else f"did not answer within {ANSWER_SECONDS} s"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise NoEngine(f"dockerd {what}; the end of {log}:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# --- the command -------------------------------------------------------------------------------


def say(text: str) -> None:
    """One line of story, on stderr."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Something that must not be overlooked."""
    for line in text.splitlines():
        print(f"!!! {line}", file=sys.stderr, flush=True)


def _run(command: Sequence[str]) -> int:
    """Run `command`, pass a request to end on to it, and return its code as a shell would."""
    process: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        if process is not None:
            process.send_signal(number)

    def wait_on(_number: int, _frame: FrameType | None) -> None:
        """Ctrl-C: the terminal sent it to the command as well, which ends in its own way.

        An exception here could come between the command's end and our reading of its code.
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
    """The command line described at the top."""
    parser = argparse.ArgumentParser(prog="python -m parts.engine")
    parser.add_argument("--home", type=Path, help="an engine of its own in this folder")
    parser.add_argument(
        "--program",
        action="append",
        default=[],
        help="a program wanted besides, installed from the Debian package of the same name",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    # A request to end that comes while the engine starts must still stop it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        _ensure_programs(options.program)
        with running(say, home=options.home and options.home.resolve()):
            return _run(command)
    except NoEngine as exc:
        warn(str(exc))
        warn("going on WITHOUT a container engine")
        return _run(command)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
