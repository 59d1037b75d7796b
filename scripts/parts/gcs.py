"""Google Cloud Storage on loopback: the emulator, a token server, a throw-away key, the blocks.

    with GcsEmulator(bucket="taxi") as gcs:
        save_blocks_at(api_url, "taxi", gcs)     # gcp-credentials/taxi and gcs-bucket/taxi
        ...                                      # a flow run with gcs.env writes gcs-bucket/taxi
        print(gcs.objects(), gcs.rows("data/yellow/…parquet"))

The flow finds the emulator by ``STORAGE_EMULATOR_HOST`` (in `GcsEmulator.env`); it signs in
at the token server with the key, as it would at Google, and no real account is involved.
Recent google-auth also asks Google, in the background, where the (unknown) account may go;
the answer does not matter, and without internet it logs three warnings.
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
    """Answers every request for an access token with one that the emulator does not look at."""

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
        """Say nothing."""


@dataclass
class GcsEmulator(Part):
    """The emulator and its token server as a context manager.

    Attributes:
        bucket: The bucket that is made at the start.
        folder: Where objects are kept; None keeps them in memory.
        port: Where the emulator listens on loopback; 0 picks a free port.
        pid: The emulator's process, while it runs.
    """

    bucket: str = "taxi"
    folder: Path | None = None
    port: int = 0
    pid: int | None = field(default=None, init=False)

    def start(self) -> None:
        """Start both servers and wait until the emulator answers."""
        self.port = self.port or free_port()
        self._tokens = TokenServer()
        self._tokens.__enter__()
        try:
            self.start_emulator()
        except RuntimeError:
            self._tokens.__exit__()
            raise

    def start_emulator(self) -> None:
        """Start the emulator alone, at first or after `stop_emulator`."""
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
            self._wait_until_it_answers()
        except RuntimeError:
            self.stop_emulator()
            raise

    def stop(self) -> None:
        """End both servers; what was kept in memory is gone."""
        self.stop_emulator()
        self._tokens.__exit__()

    def stop_emulator(self) -> None:
        """End the emulator alone, as a storage service that is down; tokens are still given."""
        if self.pid is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.pid = None

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = self._process.stderr.read().decode() if self._process.stderr else ""
                raise RuntimeError(f"the GCS emulator ended at its start: {said[-2000:]}")
            try:
                _get(f"{self.url}/storage/v1/b/{self.bucket}")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"the GCS emulator did not answer within {START_TIMEOUT} s")

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What a flow run needs in its environment to write here rather than to Google."""
        return {"STORAGE_EMULATOR_HOST": self.url}

    @cached_property
    def key(self) -> dict[str, str]:
        """A service-account key that opens nothing but this."""
        return service_account_key(self._tokens.url)

    def objects(self) -> list[str]:
        """The names of the bucket's objects."""
        listing = json.loads(_get(f"{self.url}/storage/v1/b/{self.bucket}/o"))
        return sorted(item["name"] for item in listing.get("items", []))

    def read(self, name: str) -> bytes:
        """The content of one object."""
        quoted = urllib.parse.quote(name, safe="")
        return _get(f"{self.url}/download/storage/v1/b/{self.bucket}/o/{quoted}?alt=media")

    def generation(self, name: str) -> str:
        """The object's generation, which every write makes another."""
        quoted = urllib.parse.quote(name, safe="")
        found = json.loads(_get(f"{self.url}/storage/v1/b/{self.bucket}/o/{quoted}"))
        return str(found["generation"])

    def rows(self, name: str) -> int:
        """How many rows the Parquet object `name` has."""
        import pyarrow.parquet as pq

        rows: int = pq.read_metadata(io.BytesIO(self.read(name))).num_rows
        return rows


def service_account_key(token_uri: str) -> dict[str, str]:
    """A Google service-account key with a fresh private key, accepted by nobody but us."""
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
        "private_key_id": "throw-away",
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
    """`save_blocks` on the Prefect API at `api_url`, in a process of its own.

    Prefect settles on an API when it is imported, and prefect-gcp takes seconds to import.
    The process has a Prefect home of its own, so the user's profiles are neither read nor made.
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
    # Loopback never goes through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as response:
        body: bytes = response.read()
    return body


if __name__ == "__main__":  # the second half of save_blocks_at: the key comes on stdin
    save_blocks(sys.argv[1], sys.argv[2], json.load(sys.stdin))
