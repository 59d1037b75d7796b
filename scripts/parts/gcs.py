"""Google Cloud Storage on loopback: the emulator, a token server, a temporary key, the blocks.

    with GcsEmulator(bucket="taxi") as gcs:
        save_blocks_at(api_url, "taxi", gcs)     # gcp-credentials/taxi and gcs-bucket/taxi
        ...                                      # a flow run with gcs.env writes gcs-bucket/taxi
        print(gcs.objects(), gcs.rows("data/yellow/…parquet"))

The flow finds the emulator through ``STORAGE_EMULATOR_HOST`` (in `GcsEmulator.env`). It gets a
token from the token server with the key, as it would from Google; no real account is used.
Recent versions of google-auth also query Google, in the background, about the (unknown)
account. The response does not matter; without internet access it logs three warnings.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from parts.part import Part
from parts.ports import free_port

START_TIMEOUT = 30  # seconds
PROJECT = "flowship-local"


class TokenServer:
    """Returns an access token for every request; the emulator does not validate it."""

    def __init__(self, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _TokenHandler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def __enter__(self) -> TokenServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _TokenHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = {"access_token": "local", "token_type": "Bearer", "expires_in": 3600}
        body = json.dumps(token).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Do not log requests."""


@dataclass
class GcsEmulator(Part):
    """The emulator and its token server, as a context manager.

    Attributes:
        bucket: The bucket that is created at the start.
        folder: The folder of the objects; None keeps them in memory.
        port: The emulator's port on loopback; 0 chooses a free one.
        pid: The emulator's process id, or None if it is not running.
    """

    bucket: str = "taxi"
    folder: Path | None = None
    port: int = 0
    pid: int | None = field(default=None, init=False)

    def start(self) -> None:
        """Start both servers and wait until the emulator is ready."""
        self.port = self.port or free_port()
        self._tokens = TokenServer()
        self._tokens.__enter__()
        try:
            self.start_emulator()
        except RuntimeError:
            self._tokens.__exit__()
            raise

    def start_emulator(self) -> None:
        """Start only the emulator, for example after `stop_emulator`."""
        command = [sys.executable, "-m", "gcp_storage_emulator"]
        if self.folder:
            command += ["--data-dir", str(self.folder)]
        command += ["start", "--host", "127.0.0.1", "--port", str(self.port), "--quiet"]
        command += ["--default-bucket", self.bucket]
        if not self.folder:
            command += ["--in-memory"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        self.pid = self._process.pid
        try:
            self._wait_until_ready()
        except RuntimeError:
            self.stop_emulator()
            raise

    def stop(self) -> None:
        """Stop both servers; objects in memory are lost."""
        self.stop_emulator()
        self._tokens.__exit__()

    def stop_emulator(self) -> None:
        """Stop only the emulator, to simulate an outage; the token server keeps running."""
        if self.pid is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.pid = None

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                output = self._process.stderr.read().decode() if self._process.stderr else ""
                raise RuntimeError(f"the GCS emulator did not start: {output[-2000:]}")
            try:
                _get(f"{self.url}/storage/v1/b/{self.bucket}")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"the GCS emulator did not respond within {START_TIMEOUT} s")

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment variables with which a flow run writes to the emulator."""
        return {"STORAGE_EMULATOR_HOST": self.url}

    @cached_property
    def key(self) -> dict[str, str]:
        """A service-account key that only the token server accepts."""
        return service_account_key(self._tokens.url)

    def objects(self) -> list[str]:
        """Return the names of the bucket's objects."""
        listing = json.loads(_get(f"{self.url}/storage/v1/b/{self.bucket}/o"))
        return sorted(item["name"] for item in listing.get("items", []))

    def read(self, name: str) -> bytes:
        """Return the content of an object."""
        quoted = urllib.parse.quote(name, safe="")
        return _get(f"{self.url}/download/storage/v1/b/{self.bucket}/o/{quoted}?alt=media")

    def generation(self, name: str) -> str:
        """Return the object's generation, which changes with every write."""
        quoted = urllib.parse.quote(name, safe="")
        found = json.loads(_get(f"{self.url}/storage/v1/b/{self.bucket}/o/{quoted}"))
        return str(found["generation"])

    def rows(self, name: str) -> int:
        """Return the number of rows of the Parquet object `name`."""
        import pyarrow.parquet as pq

        rows: int = pq.read_metadata(io.BytesIO(self.read(name))).num_rows
        return rows


def service_account_key(token_uri: str) -> dict[str, str]:
    """Return a service-account key with a new private key, for the token server at `token_uri`."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "temporary",
        "private_key": pem.decode(),
        "client_email": f"flow@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "0",
        "token_uri": token_uri,
    }


def save_blocks(name: str, bucket: str, key: dict[str, Any]) -> None:
    """Create or update ``gcp-credentials/NAME`` and ``gcs-bucket/NAME`` on the active API."""
    from prefect_gcp import GcpCredentials, GcsBucket

    credentials = GcpCredentials(service_account_info=key, project=PROJECT)
    credentials.save(name, overwrite=True)
    GcsBucket(bucket=bucket, gcp_credentials=GcpCredentials.load(name)).save(name, overwrite=True)


def save_blocks_at(api_url: str, name: str, gcs: GcsEmulator) -> None:
    """Run `save_blocks` on the Prefect API at `api_url`, in another process.

    Prefect chooses its API when it is imported, and the import of prefect-gcp takes seconds.
    The process has a temporary Prefect home, so the user's profiles are not read or created.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    with tempfile.TemporaryDirectory(prefix="flowship-blocks-") as home:
        settings = {"PREFECT_HOME": home, "PREFECT_API_URL": api_url}
        subprocess.run(
            [sys.executable, "-m", "parts.gcs", name, gcs.bucket],
            input=json.dumps(gcs.key),
            text=True,
            check=True,
            env=clean | settings | {"PREFECT_LOGGING_LEVEL": "WARNING"},
            cwd=Path(__file__).parent.parent,
        )


def _get(url: str) -> bytes:
    # A proxy cannot reach loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as response:
        body: bytes = response.read()
    return body


if __name__ == "__main__":  # the process that save_blocks_at starts; the key is on stdin
    save_blocks(sys.argv[1], sys.argv[2], json.load(sys.stdin))
