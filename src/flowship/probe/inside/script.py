"""The script that runs inside a built image: loads each flow and describes it as JSON.

`flowship.probe.container` copies this folder into the container. flowship itself is not installed
there, so its modules use the standard library and each other only, import Prefect late, and keep
to Python 3.9 syntax. The script writes to stdout: `STARTED`, then one line for each entrypoint,
its answer as a JSON object, in the order in which they are known.

Prefect is imported once. Each file is then loaded in a process of its own, forked from that one,
which describes all flows of the file: what a file imports, changes or breaks reaches no other
file, as in a run, and a file that ends or blocks its process is known by name.

Called as ``python <folder with this one> <folder> <seconds> <entrypoint>…``.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import os
import platform
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failures import (
    CalledDuringImportError,
    Failure,
    describe_broken_prefect,
    describe_failure,
    describe_missing_file,
    describe_unreadable,
    describe_waiting,
    search,
)
from .parameters import computed_defaults, parameter_schema, refused_defaults, storable_text
from .storage import stored_by

STARTED = "flowship-probe-started"
"""The first line on stdout. It is missing if the image's ENTRYPOINT does not run the command."""


RUN_MODULES = ("prefect.cli", "prefect.cli.flow_run", "prefect.flow_engine", "prefect.runner")
"""What ``prefect flow-run execute`` imports besides the flow."""

LATE_MODULES = ("pydantic.v1",)
"""What Prefect imports with the first flow: imported once before the processes are forked, which
saves each of them the time. It need not exist."""


called: list[BaseException] = []
"""Every call of a flow during the import, even if the file catches the exception."""


def prepare(folder: str, entrypoints: list[str]) -> dict[str, dict[str, Any]]:
    """Go to `folder` and import what each run imports, once for all flows.

    Returns:
        Entrypoint → its answer, where that is known without loading the flow.
    """
    try:
        os.chdir(folder)
    except PermissionError as exc:
        return dict.fromkeys(entrypoints, describe_unreadable(str(exc.filename)))
    except OSError:
        failure = {"failure": Failure.FOLDER_MISSING}
        return {each: {**failure, "found": search(file_of(each))} for each in entrypoints}
    answers: dict[str, dict[str, Any]] = {}
    for each in entrypoints:
        answers.update((each, answer) for answer in missing_file(each))
    if len(answers) < len(entrypoints):
        for answer in import_prefect():
            answers.update((each, answer) for each in entrypoints if each not in answers)
    return answers


def file_of(entrypoint: str) -> str:
    """The file of ``path/to/file.py:function``; "" for ``package.module:function``."""
    path = entrypoint.rpartition(":")[0]
    return path if path.endswith(".py") else ""


def missing_file(entrypoint: str) -> list[dict[str, Any]]:
    """The answer if the flow's file is not there, or may not be read; else nothing."""
    file = file_of(entrypoint)
    try:
        if not file or (Path(file).is_file() and Path(file).read_bytes() is not None):
            return []
    except PermissionError as exc:
        return [describe_unreadable(str(exc.filename))]
    return [describe_missing_file(file)]


def import_prefect() -> list[dict[str, Any]]:
    """Import Prefect and what a run needs of it; the answer if that fails, else nothing."""
    try:
        import prefect
        import prefect.flows
    except ImportError:
        return [describe_broken_prefect()]
    if int(prefect.__version__.split(".")[0]) < 3:
        return [{"failure": Failure.PREFECT_TOO_OLD, "prefect": prefect.__version__}]
    refuse_calls()
    try:
        for module in RUN_MODULES:
            importlib.import_module(module)
    except Exception:  # noqa: BLE001 - whatever it is, each run would fail with it
        return [describe_broken_prefect()]
    for module in LATE_MODULES:
        with suppress(Exception):  # if a flow needs it, loading the flow says so
            importlib.import_module(module)
    load_once()
    return []


def load_once() -> None:
    """Make Prefect load a file or a module once, however many of its flows it is asked for."""
    from prefect.utilities import importtools

    for name in ("load_script_as_module", "load_module"):
        if hasattr(importtools, name):
            setattr(importtools, name, once(getattr(importtools, name)))


def once(load: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same function, which runs once for each argument, also if it raises."""
    known: dict[str, Any] = {}
    raised: dict[str, BaseException] = {}

    def loaded(name: str) -> Any:  # noqa: ANN401 - a module
        if name in raised:
            raise raised[name]
        try:
            known[name] = known[name] if name in known else load(name)
        except BaseException as exc:
            raised[name] = exc
            raise
        return known[name]

    return loaded


def load(entrypoint: str) -> dict[str, Any]:
    """Load `entrypoint` from the current folder in the same way as the deployment does.

    Returns:
        ``{"flow": …, "parameters": …, "prefect": …, "python": …}``, or ``{"failure": …, …}`` with
        one of the values of `Failure`.
    """
    import prefect
    from prefect.flows import load_flow_from_entrypoint

    function = entrypoint.rpartition(":")[2]
    try:
        flow: Any = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except BaseException as exc:  # noqa: BLE001 - a flow file may raise anything, even SystemExit
        return describe_failure(called[0] if called else exc, source_of(entrypoint), function)
    if called:
        return describe_failure(called[0], source_of(entrypoint), function)
    if "." in function and next(iter(inspect.signature(flow.fn).parameters), "") == "self":
        return {"failure": Failure.FLOW_IS_METHOD}
    return {
        "flow": {"name": flow.name, "description": storable_text(flow.description)},
        "parameters": parameter_schema(flow),
        "prefect": prefect.__version__,
        "python": platform.python_version(),
        "refused_defaults": refused_defaults(flow),
        "computed_defaults": computed_defaults(flow),
        **stored_or_nothing(flow),
    }


def stored_or_nothing(flow: Any) -> dict[str, Any]:  # noqa: ANN401 - Prefect is imported late
    """What `stored_by` finds. A flow that it does not understand still loads."""
    try:
        return stored_by(flow)
    except Exception:  # noqa: BLE001 - it is for a warning only
        return {}


def source_of(entrypoint: str) -> str:
    """The file of an entrypoint, also of one that names a module; "" if it is not known."""
    file, module = file_of(entrypoint), entrypoint.rpartition(":")[0]
    if file:
        return file
    loaded = getattr(sys.modules.get(module), "__file__", None)
    path = module.replace(".", "/")
    places = [f"{folder}{path}{end}" for folder in ("", "src/") for end in (".py", "/__init__.py")]
    return str(loaded or next((place for place in places if Path(place).is_file()), ""))


def refuse_calls() -> None:
    """Make every call of a flow raise: in each run, such a call would start another one."""
    import prefect.flows
    import prefect.main

    def refuse(action: str) -> Any:  # noqa: ANN401 - it replaces functions of any type
        def call(*args: Any, **_: Any) -> None:  # noqa: ANN401
            flow = next((a for a in args if isinstance(a, prefect.flows.Flow)), None)
            name = flow.fn.__name__ if flow else "flow"
            called.append(CalledDuringImportError(action.format(name)))
            raise called[-1]

        return call

    for kind in (prefect.flows.Flow, *prefect.flows.Flow.__subclasses__()):
        for method, action in (("__call__", "{}()"), ("serve", "{}.serve()"),
                               ("deploy", "{}.deploy()")):  # fmt: skip
            if method in vars(kind):
                setattr(kind, method, refuse(action))
    for module in (prefect.flows, prefect.main):
        for name in ("serve", "aserve", "deploy"):
            if hasattr(module, name):
                setattr(module, name, refuse(f"{name}()"))


# --- one process for each file -------------------------------------------------------------------

MOST_AT_ONCE = 4
"""Files that are loaded at the same time: each of them may import large libraries."""

MOST_WAITING = 3
"""After so many files that did not load in time, no further one is tried."""

KEPT_OUTPUT = 20_000
"""Bytes of what a file prints that are kept, to explain why its process ended."""

Answer = dict[str, Any]


@dataclass
class Child:
    """The process that loads one file and describes its flows, one after the other.

    Attributes:
        left: The entrypoints that have no answer yet.
        pid: The process.
        pipes: Where its answers come from, and what it prints.
        seconds: How long it may take for each answer.
        deadline: When the next answer must be there.
        read: What came from each pipe.
        ended: Its exit code, when it has ended.
    """

    left: list[str]
    pid: int
    pipes: list[int]
    seconds: float
    deadline: float
    read: dict[int, bytes]
    ended: int | None = None

    def receive(self, pipe: int) -> bool:
        """Read what is there; False at the end of the pipe."""
        try:
            data = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return False
        self.read[pipe] += data
        if pipe == self.pipes[1]:
            self.read[pipe] = self.read[pipe][-KEPT_OUTPUT:]
        return bool(data)

    def answers(self) -> dict[str, Answer]:
        """What has become known of its flows; of all that are left, when it ended or is late."""
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.ended = exit_code(status)
                while self.receive(self.pipes[0]):
                    pass
                while self.receive(self.pipes[1]):
                    pass
        found = self._complete()
        self.left = [each for each in self.left if each not in found]
        if self.ended is not None:
            printed = self.read[self.pipes[1]].decode(errors="replace").splitlines()[-50:]
            text = "\n".join(printed)
            rest = {"failure": Failure.PROCESS_ENDED, "exit_code": self.ended, "output": text}
        elif time.monotonic() > self.deadline:  # not even its own watch could answer
            rest = {"failure": Failure.WAITING, "modules": [], "traceback": ""}
        else:
            return found
        found.update(dict.fromkeys(self.left, rest))
        self.left = []
        return found

    def _complete(self) -> dict[str, Answer]:
        """The answers that have arrived; each gives the next one its time."""
        *lines, self.read[self.pipes[0]] = self.read[self.pipes[0]].split(b"\n")
        found = [json.loads(line) for line in lines]
        if found:
            self.deadline = time.monotonic() + self.seconds
        return {each.pop("entrypoint"): each for each in found}

    def close(self) -> None:
        """End the process, if it has not ended."""
        if self.ended is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for pipe in self.pipes:
            os.close(pipe)


def exit_code(status: int) -> int:
    """As a shell writes it: 128 and the signal for a process that a signal ended."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def start(entrypoints: list[str], seconds: float) -> Child:
    """Fork a process that loads the flows of one file, describes each, and ends."""
    answer_from, answer_to = os.pipe()
    output_from, output_to = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(output_to, 1)
            os.dup2(output_to, 2)
            describe(entrypoints, seconds, answer_to)
        except BaseException:  # noqa: BLE001 - the process must end here in any case
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(answer_to)
    os.close(output_to)
    pipes = [answer_from, output_from]
    for pipe in pipes:
        os.set_blocking(pipe, False)
    allowed = seconds + min(1.0, seconds * 0.1)
    late = time.monotonic() + allowed
    return Child(entrypoints, pid, pipes, allowed, late, dict.fromkeys(pipes, b""))


def describe(entrypoints: list[str], seconds: float, answer_to: int) -> None:
    """Load flows one after the other, write what each is, and end the process."""
    for number, entrypoint in enumerate(entrypoints):

        def late(left: Sequence[str] = entrypoints[number:]) -> None:
            reply(answer_to, [{"entrypoint": each, **describe_waiting()} for each in left])

        with watch(seconds, late):
            answer = load(entrypoint)
        send(answer_to, [{"entrypoint": entrypoint, **answer}])
    reply(answer_to, [])


def by_file(entrypoints: Sequence[str]) -> list[list[str]]:
    """The entrypoints of each file or module."""
    found: dict[str, list[str]] = {}
    for each in entrypoints:
        found.setdefault(each.rpartition(":")[0], []).append(each)
    return list(found.values())


def load_each(entrypoints: list[str], seconds: float, write: Callable[[str, Answer], None]) -> None:
    """Load each file in a process of its own, a few at a time, and write the answers."""
    pending, running, waited = by_file(entrypoints), list[Child](), 0
    most = min(MOST_AT_ONCE, os.cpu_count() or 1)
    while pending or running:
        while pending and len(running) < most and waited < MOST_WAITING:
            running.append(start(pending.pop(0), seconds))
        if not running:
            break
        listen(running)
        for child in list(running):
            answers = child.answers()
            for entrypoint, answer in answers.items():
                write(entrypoint, answer)
            waited += any(a.get("failure") == Failure.WAITING for a in answers.values())
            if not child.left:
                child.close()
                running.remove(child)
    for entrypoint in (each for file in pending for each in file):
        write(entrypoint, {"failure": Failure.NOT_TRIED})


def listen(children: list[Child]) -> None:
    """Wait for something to read, or a little, and read it."""
    pipes = {pipe: child for child in children for pipe in child.pipes}
    ready = select.select(list(pipes), [], [], 0.05)[0]
    received = [pipes[pipe].receive(pipe) for pipe in ready]
    if ready and not any(received):  # a pipe at its end is always ready
        time.sleep(0.005)


class watch:
    """While the block runs: call `late` if it takes longer than `seconds`."""

    def __init__(self, seconds: float, late: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, late)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if threading.current_thread() is not self._timer:
            self._timer.join()  # a process with threads is not to be forked


def reply(stream: int, answers: list[dict[str, Any]]) -> None:
    """Write the answers and end the process."""
    with suppress(OSError, ValueError):  # the flow may have closed it
        sys.stdout.flush()
    send(stream, answers)
    # A thread that the flow started while it was imported must not keep the process running.
    os._exit(0)


def send(stream: int, answers: list[Answer]) -> None:
    """Write the answers, a line for each."""
    text = "".join(json.dumps(answer, default=str) + "\n" for answer in answers)
    with os.fdopen(os.dup(stream), "w") as file:
        file.write(text)


def main() -> None:
    """Write the answers to the real stdout, and send the flows' own output to stderr."""
    folder, seconds, *entrypoints = sys.argv[1:]
    answer_to = os.dup(1)
    # The ENTRYPOINT may have left a line open, so the marker starts on a new one.
    os.write(answer_to, f"\n{STARTED}\n".encode())
    os.dup2(2, 1)
    # A run does not have this folder on its path, and has these arguments.
    if sys.path and sys.path[0] == sys.argv[0]:
        del sys.path[0]
    sys.argv[:] = ["prefect", "flow-run", "execute"]

    def late() -> None:
        reply(answer_to, [{"entrypoint": each, **describe_waiting()} for each in entrypoints])

    gc.disable()  # what is imported stays: to look for garbage in it takes a fifth of the time
    with watch(float(seconds), late):
        known = prepare(folder, entrypoints)
    gc.freeze()  # nor do the forked processes look through it, which would copy its memory
    gc.enable()

    def write(entrypoint: str, answer: Answer) -> None:
        send(answer_to, [{"entrypoint": entrypoint, **answer}])

    for entrypoint, answer in known.items():
        write(entrypoint, answer)
    load_each([each for each in entrypoints if each not in known], float(seconds), write)
    reply(answer_to, [])
