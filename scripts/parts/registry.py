"""A container registry on loopback: Debian's ``docker-registry`` with its storage in a folder.

It listens on a free port, and keeps that port and its storage when it is restarted. `Registry`
is a context manager::

    with Registry(tmp, htpasswd={"ada": "secret"}) as registry:
        print(registry.address)  # 127.0.0.1:41235
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import string
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from parts.part import Part
from parts.ports import free_port

PROGRAM = "docker-registry"


class Registry(Part):
    """A registry process; `start`, `stop`, `kill` and `restart` can be called in any order.

    Args:
        folder: The folder of the storage, configuration and log; created if missing.
        port: TCP port; 0 chooses a free one, which a restart keeps.
        htpasswd: User names with their passwords; None allows anonymous read and write.
        tls: Serve HTTPS with a self-signed certificate (`certificate` is its file).
        host: The address to listen on. Engines use plain HTTP for 127.0.0.0/8 only.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        htpasswd: Mapping[str, str] | None = None,
        tls: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        self.folder = folder
        self.host = host
        self.port = port or free_port(host)
        self.htpasswd = htpasswd
        self.tls = tls
        self.log = folder / "registry.log"
        self.certificate = folder / "registry.crt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """``host:port``, the first part of an image reference."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The registry's HTTP(S) address, without a trailing slash."""
        return f"{'https' if self.tls else 'http'}://{self.address}"

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        if self.running:
            return
        program = shutil.which(PROGRAM)
        if program is None:
            raise FileNotFoundError(f"{PROGRAM} is not installed: apt-get install {PROGRAM}")
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self._configure()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C must not reach the registry
            )
        self._wait()

    def stop(self) -> None:
        """Stop the process with SIGTERM; a second call does nothing."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop the process with SIGKILL: connections break, uploads are incomplete."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start again with the same port and the same storage."""
        self.stop()
        self.start()

    def _end(self, sign: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        os.kill(process.pid, sign)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

    def _wait(self, seconds: float = 15) -> None:
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if self.answers():
                return
            time.sleep(0.05)
        self.kill()
        tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"the registry did not start on {self.address}:\n{tail}")

    def answers(self) -> bool:
        """Return whether the registry's API responds, including with 401."""
        context = ssl._create_unverified_context() if self.tls else None
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if context:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        opener = urllib.request.build_opener(*handlers)
        try:
            with opener.open(f"{self.url}/v2/", timeout=2):
                return True
        except urllib.error.HTTPError as exc:
            return exc.code == 401
        except OSError:
            return False

    def _configure(self) -> Path:
        """Write the configuration (JSON, which is valid YAML) and the files it refers to."""
        http: dict[str, object] = {"addr": self.address}
        if self.tls:
            key = self.folder / "registry.key"
            if not self.certificate.exists():
                self_signed(self.certificate, key, self.host)
            http["tls"] = {"certificate": str(self.certificate), "key": str(key)}
        config: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "storage")},
                "delete": {"enabled": True},
            },
            "http": http,
        }
        if self.htpasswd is not None:
            accounts = self.folder / "htpasswd"
            lines = [f"{user}:{bcrypt(word)}\n" for user, word in self.htpasswd.items()]
            accounts.write_text("".join(lines), encoding="utf-8")
            accounts.chmod(0o600)
            config["auth"] = {"htpasswd": {"realm": "registry", "path": str(accounts)}}
        path = self.folder / "config.yml"
        path.write_text(json.dumps(config, indent=1), encoding="utf-8")
        return path


def outside_address() -> str:
    """Return an address of this machine that is not loopback; engines require TLS for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # a UDP "connection" sends nothing
        return str(probe.getsockname()[0])


def bcrypt(password: str, rounds: int = 5) -> str:
    """Return the bcrypt hash of a password for the registry's htpasswd file.

    Uses ``crypt`` of the C library (libxcrypt, always present on Debian), so neither
    apache2-utils nor a Python package for bcrypt is required.
    """
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    alphabet = "./" + string.ascii_letters + string.digits
    salt = "".join(secrets.choice(alphabet) for _ in range(21)) + "."
    hashed = library.crypt(password.encode(), f"$2y${rounds:02d}${salt}".encode())
    if hashed is None or not hashed.startswith(b"$2y$"):
        raise RuntimeError("libcrypt on this machine does not support bcrypt")
    return str(hashed.decode())


def self_signed(certificate: Path, key: Path, host: str) -> None:
    """Write a self-signed certificate for `host` (an IP address) and its key, valid a day."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", f"/CN={host}", "-addext", f"subjectAltName=IP:{host}"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
