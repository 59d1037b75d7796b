"""Compare the dependency layer of flowship with a simple ``pip install``, built without cache.

Both start from the same base image and install the versions of the lock. The size of the layer is
measured as well, and the time that a new container needs to import the packages.
"""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient

from benchmarks.measure import CommandFailed, Measured, Sample, in_turns
from flowship import dockerfile
from flowship.config.settings import Settings
from flowship.config.tables import Packages

PACKAGES = ("pandas", "pyarrow", "prefect-gcp")
ROOT = Path(__file__).parents[1]
CONSTRAINTS = "/opt/flowship/constraints.txt"
OURS, PIP, PLAIN = "flowship", "pip", "flowship without bytecode"

IMPORT = """\
import time; began = time.perf_counter(); import pandas, pyarrow, prefect_gcp; \
print(time.perf_counter() - began)"""


@dataclass(frozen=True)
class Layers:
    """The measurements of the layers, by name.

    Attributes:
        built: Seconds of ``docker build`` without cache.
        imports: Seconds of ``import pandas, pyarrow, prefect_gcp`` in a new container.
        sizes: Bytes of the layer.
    """

    built: Measured
    imports: Measured
    sizes: Mapping[str, int]


def measure(client: DockerClient, base: str, rounds: int, imports: int) -> Layers:
    """Build each layer in turn without cache, `rounds` times, then import from each in turn."""
    texts = dockerfiles(base)
    tags = {name: f"flowship-benchmark-layer:{number}" for number, name in enumerate(texts)}
    try:
        built = in_turns(
            {name: _builder(client, text, tags[name]) for name, text in texts.items()},
            rounds,
            warm_up=False,
        )
        sizes = {name: _layer_size(client, tags[name], base) for name in texts}
        return Layers(
            built,
            in_turns({name: _importer(client, tag) for name, tag in tags.items()}, imports),
            sizes,
        )
    finally:
        for tag in tags.values():
            if client.images.list(name=tag):
                client.images.remove(tag, force=True)


def dockerfiles(base: str) -> dict[str, str]:
    """Return three Dockerfiles: flowship's dependency layer, pip's, flowship's without bytecode."""
    settings = Settings(
        root=ROOT,
        name="layer",
        entrypoint="flow.py:flow",
        base_image=base,
        packages=Packages(constraints="constraints.txt"),
    )
    ours = dockerfile.render(settings, dependencies=True).partition("\nWORKDIR")[0]
    install = f"pip install --no-cache-dir --constraint {CONSTRAINTS} {' '.join(PACKAGES)}"
    pip = f"FROM {base}\nCOPY .flowship/constraints.txt {CONSTRAINTS}\nRUN {install}\n"
    plain = "".join(line for line in ours.splitlines(keepends=True) if "compileall" not in line)
    return {OURS: ours, PIP: pip, PLAIN: plain}


def constraints() -> str:
    """Return the versions of the lock as a constraints file."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+==[^\s;\\]+)(?:\s*;\s*([^\\\n]+?))?\s*\\?$", lock, re.M)
    return "".join(f"{pin} ; {marker}\n" if marker else f"{pin}\n" for pin, marker in pins)


def _builder(client: DockerClient, text: str, tag: str) -> _Build:
    files = {
        "Dockerfile": text,
        ".flowship/requirements.txt": "\n".join(PACKAGES) + "\n",
        ".flowship/constraints.txt": constraints(),
    }
    return _Build(client, _tar(files), tag)


@dataclass(frozen=True)
class _Build:
    client: DockerClient
    context: bytes
    tag: str

    def __call__(self) -> Sample:
        """Build without the cache; only the dependency step is added to the base image."""
        output = []
        began = time.perf_counter()
        for event in self.client.api.build(
            fileobj=io.BytesIO(self.context),
            custom_context=True,
            tag=self.tag,
            nocache=True,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=1800,
        ):
            output.append(event.get("stream", ""))
            if "error" in event:
                raise CommandFailed(f"{event['error']}\n{''.join(output)[-3000:]}")
        return Sample(time.perf_counter() - began)


def _importer(client: DockerClient, tag: str) -> _Import:
    return _Import(client, tag)


@dataclass(frozen=True)
class _Import:
    client: DockerClient
    tag: str

    def __call__(self) -> Sample:
        output = self.client.containers.run(
            self.tag, ["python", "-c", IMPORT], remove=True, network_mode="none"
        )
        return Sample(float(output.decode().split()[-1]))


def _layer_size(client: DockerClient, tag: str, base: str) -> int:
    return int(client.images.get(tag).attrs["Size"]) - int(client.images.get(base).attrs["Size"])


def _tar(files: Mapping[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o644, len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return stream.getvalue()
