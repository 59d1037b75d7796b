"""What the runs of a flow store, as the script finds it with the real Prefect."""

from __future__ import annotations

import pytest

from flowship.probe.result import Stored, StoredKind
from support.probing import described

pytestmark = pytest.mark.slow

FLOW = """
from pathlib import Path
from prefect import flow, task
from prefect.cache_policies import DEFAULT, INPUTS, NO_CACHE, RUN_ID
import steps

@task
def plain(): pass

@task(persist_result=True)
def persisted(): open("data/x.csv", "w").close()

@task(cache_key_fn=lambda context, parameters: "key")
def keyed(): pass

@task(cache_policy=INPUTS)
def by_inputs(): pass

@task(cache_policy=INPUTS + RUN_ID)
def in_one_run(): pass

@task(cache_policy=DEFAULT)
def by_default(): pass

@task(cache_policy=NO_CACHE)
def not_cached(): pass

@task(cache_policy=INPUTS, persist_result=False)
def not_persisted(): pass

@task(cache_policy=INPUTS, result_storage="gcs-bucket/trips")
def on_a_block(): pass

@task(result_storage=Path("results"))
def in_a_folder(): pass

@task(persist_result=True)
def unused(): open("unused.csv", "w").close()

def helper():
    persisted(); keyed(); by_inputs(); in_one_run()
    by_default(); not_cached(); not_persisted(); on_a_block(); in_a_folder()

@flow(result_storage="local-file-system/here")
def inner():
    plain()
    steps.load()

@flow
def outer():
    helper()
    inner()

@flow(persist_result=False)
def clean():
    plain()
"""

STEPS = """
from pathlib import Path
from prefect import task
@task(persist_result=True)
def load():
    Path("out.txt").write_text("x")
"""


def line(function):
    """The line of the decorator of a function in `FLOW`."""
    return FLOW[: FLOW.index(f"def {function}(")].count("\n")


def stored(folder, entrypoint, **environment):
    (folder / "flows").mkdir(exist_ok=True)
    (folder / "flows/main.py").write_text(FLOW)
    (folder / "flows/steps.py").write_text(STEPS)
    return described(folder, f"flows/main.py:{entrypoint}", **environment)


def test_what_the_flow_reaches_is_described_with_its_place_and_storage(tmp_path):
    result = stored(tmp_path, "outer")
    found = {each.name: (each.kind.value, each.storage) for each in result.stored}
    assert found == {
        "flow outer": ("default", ""),
        "task persisted": ("result", ""),
        "task keyed": ("cache", ""),
        "task by_inputs": ("cache", ""),
        "task in_one_run": ("result", ""),
        "task by_default": ("result", ""),
        "task on_a_block": ("cache", "gcs-bucket/trips"),
        "task in_a_folder": ("result", str(tmp_path / "results")),
        "flow inner": ("result", "local-file-system/here"),
        "task load": ("result", "local-file-system/here"),
        "data/x.csv": ("file", str(tmp_path / "data")),
        "out.txt": ("file", str(tmp_path)),
    }
    places = {each.name: each.place for each in result.stored}
    assert places["task persisted"] == f"flows/main.py:{line('persisted')}"
    assert places["data/x.csv"] == f"flows/main.py:{line('persisted') + 1}"
    assert places["task load"] == "flows/steps.py:4"


def test_the_settings_in_the_image_are_the_defaults(tmp_path):
    folder = str(tmp_path / "kept")
    result = stored(
        tmp_path,
        "clean",
        PREFECT_LOCAL_STORAGE_PATH=folder,
        PREFECT_DEFAULT_RESULT_STORAGE_BLOCK="gcs-bucket/trips",
    )
    assert result.stored == ()
    assert (result.default_storage, result.default_folder) == ("gcs-bucket/trips", folder)
    persisted = stored(tmp_path, "outer", PREFECT_RESULTS_PERSIST_BY_DEFAULT="true").stored[0]
    assert persisted == Stored(
        StoredKind.RESULT, "flow outer", f"flows/main.py:{line('outer')}", ""
    )
