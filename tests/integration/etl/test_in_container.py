"""Destinations inside real containers."""

from __future__ import annotations

from pathlib import Path

import pytest

import flowship.etl

pytestmark = pytest.mark.engine

PACKAGE = Path(flowship.etl.__file__).parent
IMAGE_PATH = "/opt/prefect/flows/flowship/etl"

WRITE = """
import sys
from pathlib import Path
from flowship.etl.destination import open_destination
from flowship.etl.errors import DestinationError
Path("/tmp/month.parquet").write_bytes(b"PAR1")
try:
    print(open_destination(sys.argv[1]).write(Path("/tmp/month.parquet"), "data/month.parquet"))
except DestinationError as exc:
    print("refused:", exc)
"""


@pytest.fixture(scope="module")
def run():
    """Run `WRITE` in a container that has the package at the same path as the shipped image."""
    import docker

    from parts import base_image

    client = docker.from_env()
    image = base_image.ensure(client, print)

    def _run(destination: str, **options) -> str:
        volumes = {str(PACKAGE): {"bind": IMAGE_PATH, "mode": "ro"}}
        volumes |= options.pop("volumes", {})
        output = client.containers.run(
            image,
            ["python", "-c", WRITE, destination],
            working_dir="/opt/prefect/flows",
            network_mode="none",
            remove=True,
            volumes=volumes,
            **options,
        )
        return output.decode().strip()

    yield _run
    client.close()


@pytest.mark.parametrize("destination", [".", "./out", "/data", "/dev/shm"])
def test_a_containers_own_folder_is_refused(run, destination):
    assert run(destination).startswith("refused: the destination ")


def test_a_mounted_folder_receives_the_month(run, tmp_path):
    volumes = {str(tmp_path): {"bind": "/data", "mode": "rw"}}
    assert run("/data/taxi", volumes=volumes) == "/data/taxi/data/month.parquet"
    assert (tmp_path / "taxi" / "data" / "month.parquet").read_bytes() == b"PAR1"


def test_the_override_writes_into_the_container(run):
    where = run("/data", environment={"FLOWSHIP_ETL_ALLOW_UNMOUNTED": "1"})
    assert where == "/data/data/month.parquet"
