"""The Prefect base image of the tests and the demo: pulled if possible, built otherwise.

Prefect's own image is in a public registry. On a machine that cannot reach the registry, an image
with the same layout is built from Debian packages and the versions in requirements.lock. It has
a name of flowship's own, `flowship/base:prefect3.8.8-python3.11`.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image
from requests.exceptions import RequestException
from uv import find_uv_bin

from parts import debian
from parts.locking import locked

Report = Callable[[str], None]

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
LOCK_FILE = ROOT / ".cache" / "base-image.lock"

SUITE = "bookworm"
SUITE_PYTHON = "3.11"  # Debian bookworm's
DEBIAN = f"flowship/debian:{SUITE}-minbase"
BASE = "flowship/base"

INPUTS_LABEL = "flowship-base.inputs"

REGISTRY_TIMEOUT = 10  # seconds, for the registry to report that it has the image
BUILD_TIMEOUT = 1800  # seconds

DOCKERFILE = """\
FROM {debian}
COPY uv /usr/local/bin/uv
COPY requirements.lock /tmp/requirements.lock
{ca_bundle}
ENV VIRTUAL_ENV=/opt/venv \\
 PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN python3 -m venv /opt/venv \\
 && uv pip install --no-cache --compile-bytecode --constraints /tmp/requirements.lock \\
    prefect=={prefect} \\
 && rm /tmp/requirements.lock
WORKDIR /opt/prefect
LABEL {label}={inputs}
"""

CA_BUNDLE = """\
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
 PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
 REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"""


class NoBaseImage(Exception):
    """The image can be neither pulled nor built; the message says why."""


def prefect_version(lock: Path = LOCK) -> str:
    """Return the version of Prefect that requirements.lock pins."""
    found = re.search(r"^prefect==([^\s;]+)", lock.read_text(), re.MULTILINE)
    if found is None:
        raise NoBaseImage(f"{lock} pins no prefect")
    return found[1]


def official() -> str:
    """Return the name of Prefect's own image for the locked Prefect and the running Python."""
    return (
        f"prefecthq/prefect:{prefect_version()}-python{sys.version_info[0]}.{sys.version_info[1]}"
    )


def ensure(
    client: DockerClient,
    report: Report,
    *,
    wanted: str | None = None,
    repository: str = BASE,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """Make sure that `client`'s engine has a Prefect base image, and return its name.

    Args:
        client: A client of the engine.
        report: Called with a line of text for each step.
        wanted: The image to pull; by default `official()`.
        repository: The name, without its tag, of an image that is built.
        environ: Environment variables with a CA bundle (``SSL_CERT_FILE``) and proxies.

    Raises:
        NoBaseImage: The image can be neither pulled nor built.
    """
    # The workers of a test run call this at the same time.
    with locked(LOCK_FILE):
        return _ensure(client, report, wanted or official(), repository, environ)


def _ensure(
    client: DockerClient,
    report: Report,
    wanted: str,
    repository: str,
    environ: Mapping[str, str],
) -> str:
    if _present(client, wanted) is not None:
        return wanted
    built = f"{repository}:prefect{prefect_version()}-python{SUITE_PYTHON}"
    files = _files(environ)
    image = _present(client, built)
    if image is not None and image.labels.get(INPUTS_LABEL) == _fingerprint(files):
        return built
    if _pull(client, wanted, report):
        return wanted
    report(f"{wanted} cannot be pulled; building {built} from Debian packages instead")
    try:
        _ensure_debian(client, report)
        _build(client, built, files, environ, report)
    except (DockerException, RequestException) as exc:
        raise NoBaseImage(f"{built} could not be built: {exc}") from exc
    return built


def _present(client: DockerClient, reference: str) -> Image | None:
    try:
        return client.images.get(reference)
    except ImageNotFound:
        return None


def _pull(client: DockerClient, reference: str, report: Report) -> bool:
    """Pull `reference`; return False if no registry has it or responds in time."""
    before, client.api.timeout = client.api.timeout, REGISTRY_TIMEOUT
    try:
        # GET /distribution/{name}/json: the engine queries the registry without a download.
        client.images.get_registry_data(reference)
    except (APIError, RequestException):
        return False
    finally:
        client.api.timeout = before
    report(f"pulling {reference}")
    try:
        for _event in client.api.pull(reference, stream=True, decode=True):
            pass
    except (APIError, RequestException):
        return False
    return _present(client, reference) is not None  # an error can be inside the stream


# --- Debian ------------------------------------------------------------------------------------


def _ensure_debian(client: DockerClient, report: Report) -> None:
    if _present(client, DEBIAN) is not None:
        return
    try:
        debian.ensure({"debootstrap": "debootstrap"}, report)
    except debian.CannotInstall as exc:
        raise NoBaseImage(str(exc)) from exc
    if os.geteuid() != 0:
        raise NoBaseImage("debootstrap requires root: run this as root, or pull a base image")
    report(f"creating {DEBIAN} with debootstrap (about a minute, only once)")
    with tempfile.TemporaryDirectory(prefix="flowship-debian-") as folder:
        root = Path(folder) / "root"
        _debootstrap(root)
        _import(client, root)


def _debootstrap(root: Path) -> None:
    command = [
        debian.which("debootstrap") or "debootstrap",
        "--variant=minbase",
        "--include=python3,python3-venv,ca-certificates",
        SUITE,
        str(root),
    ]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise NoBaseImage(f"debootstrap failed:\n{tail}")


def _import(client: DockerClient, root: Path) -> None:
    # Files that the engine provides, and files that apt can download again.
    excluded = ["dev/*", "proc/*", "sys/*", "etc/hostname", "etc/resolv.conf"]
    excluded += ["var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*.log"]
    command = ["tar", "--create", "--numeric-owner", f"--directory={root}"]
    command += [f"--exclude=./{pattern}" for pattern in excluded]
    repository, _, tag = DEBIAN.partition(":")
    with subprocess.Popen([*command, "."], stdout=subprocess.PIPE) as tar:
        response = client.api.import_image_from_stream(tar.stdout, repository=repository, tag=tag)
    if tar.returncode or '"error"' in response:
        raise NoBaseImage(f"{DEBIAN} could not be imported: {response}")


# --- Prefect on top ----------------------------------------------------------------------------


def _files(environ: Mapping[str, str]) -> dict[str, tuple[int, bytes]]:
    """Return the build context: name → mode and content. The Dockerfile has no label yet."""
    files = {
        "uv": (0o755, Path(find_uv_bin()).read_bytes()),
        "requirements.lock": (0o644, LOCK.read_bytes()),
    }
    # If this machine needs a CA bundle to reach the package index, the build needs it too.
    ca_bundle = environ.get("SSL_CERT_FILE")
    if ca_bundle:
        files["ca-certificates.crt"] = (0o644, Path(ca_bundle).read_bytes())
    text = DOCKERFILE.format(
        debian=DEBIAN,
        ca_bundle=CA_BUNDLE if ca_bundle else "",
        prefect=prefect_version(),
        label=INPUTS_LABEL,
        inputs="{inputs}",
    )
    return files | {"Dockerfile": (0o644, text.encode())}


def _fingerprint(files: Mapping[str, tuple[int, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, (mode, content) in sorted(files.items()):
        digest.update(f"{name} {mode} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def _build(
    client: DockerClient,
    tag: str,
    files: Mapping[str, tuple[int, bytes]],
    environ: Mapping[str, str],
    report: Report,
) -> None:
    report(f"building {tag} (half a minute, once for each lock)")
    text = files["Dockerfile"][1].decode().replace("{inputs}", _fingerprint(files))
    proxies = {
        name: environ[name]
        for name in (
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        )
        if name in environ
    }
    events = client.api.build(
        fileobj=_tar({**files, "Dockerfile": (0o644, text.encode())}),
        custom_context=True,
        tag=tag,
        rm=True,
        forcerm=True,
        buildargs=proxies,
        timeout=BUILD_TIMEOUT,
        decode=True,
    )
    output: list[str] = []
    for event in events:
        output.append(event.get("stream", ""))
        if "error" in event:
            tail = "".join(output)[-2000:]
            raise NoBaseImage(f"{tag} could not be built: {event['error']}\n{tail}")


def _tar(files: Mapping[str, tuple[int, bytes]]) -> io.BytesIO:
    """Return the context as a tar without times and owners, so that the engine's cache finds it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, (mode, content) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = mode, len(content)
            tar.addfile(entry, io.BytesIO(content))
    stream.seek(0)
    return stream
