"""One call of `up`: the API, the environment, and what to undo if it fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from flowship.errors import ConfigError
from flowship.events import Report
from flowship.local import processes, records
from flowship.prefect.profiles.resolution import ApiTarget
from flowship.redaction import mask_addresses


class Undo:
    """Steps to run in reverse order if the block ends with an exception."""

    def __init__(self) -> None:
        self.steps: list[Callable[[], None]] = []

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if exc is None:
            return
        with processes.uninterrupted(swallow=True):
            for step in reversed(self.steps):
                step()


class Session:
    """One call of `up`.

    Args:
        target: The API, with its address set.
        environ: The user's environment.
        folder: The folder with Prefect's files; None means the current one.
        report: Receives the progress.
        undo: Gets a step for each change.
    """

    def __init__(
        self,
        target: ApiTarget,
        environ: Mapping[str, str],
        folder: Path | None,
        report: Report,
        undo: Undo,
    ) -> None:
        self.target = target
        self.url = target.url or ""
        self.shown = mask_addresses(self.url)
        self.environ = environ
        self.folder = folder
        self.report = report
        self.undo = undo
        self.state = records.state_dir(environ)
        self.warnings: list[str] = []

    def start(
        self, record: records.Record, arguments: list[str]
    ) -> tuple[records.Record, subprocess.Popen[bytes]]:
        """Start a Prefect command in the background; it is stopped again if `up` fails.

        Args:
            record: What is known about the process before it runs.
            arguments: The arguments of ``prefect``.

        Returns:
            The record with the pid, and the process.
        """
        with processes.uninterrupted():
            process = processes.spawn(
                arguments, Path(record.log), self.child_environment(), self.state
            )
            record = replace(
                record, pid=process.pid, identity=processes.identity(process.pid) or ""
            )
            self.undo.steps.append(lambda: self._stop(record))
            records.save(self.state, record)
        return record, process

    def _stop(self, record: records.Record) -> None:
        processes.stop(record)
        with suppress(ConfigError):  # The record of a stopped process does no harm.
            records.remove(self.state, record)

    def child_environment(self) -> dict[str, str]:
        """Return the user's environment plus the API's address and credentials as variables.

        The processes run in the state folder, where Prefect does not find the project's files.
        """
        target = self.target
        given = {
            "PREFECT_API_URL": self.url,
            "PREFECT_API_KEY": target.key and target.key.get_secret_value(),
            "PREFECT_API_AUTH_STRING": target.auth_string and target.auth_string.get_secret_value(),
            "PREFECT_API_SSL_CERT_FILE": target.ca_file and self._absolute(target.ca_file),
            "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "" if target.verify else "true",
            "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps(dict(target.headers))
            if target.headers
            else None,
            "PYTHONUNBUFFERED": "1",  # The log is read while the process runs.
        }
        for name in ("PREFECT_HOME", "PREFECT_PROFILES_PATH"):
            if self.environ.get(name):
                given[name] = self._absolute(self.environ[name])
        upper = {name.upper() for name, value in given.items() if value}
        kept = {k: v for k, v in self.environ.items() if k.upper() not in upper}
        return {**kept, **{name: value for name, value in given.items() if value}}

    def _absolute(self, path: str) -> str:
        return path if path.startswith("~") else str(Path(self.folder or Path()).resolve() / path)
