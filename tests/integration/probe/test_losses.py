"""What runs lose with their container: built, probed and reported on the real engine."""

from __future__ import annotations

import pytest

from support.commands import flowship, world
from support.projects import write_files

pytestmark = pytest.mark.engine

FILES = {
    "flows/results.py": "from prefect import flow\n\n@flow(persist_result=True)\n"
    "def nightly():\n    return 1\n",
    "flows/cached.py": "from prefect import flow, task\n\n"
    "@task(cache_key_fn=lambda context, parameters: 'key')\ndef load():\n    return 1\n\n"
    "@flow\ndef hourly():\n    load()\n",
    "flows/files.py": "from prefect import flow\nimport pandas_like as pd\n\n@flow\n"
    "def export(month: int = 1):\n    pd.frame().to_csv('data/x.csv')\n",
    "pandas_like.py": "def frame(): ...\n",
    "flows/clean.py": "from prefect import flow\n\n@flow\ndef clean():\n    return 1\n",
}
FLOWS = ("results.py:nightly", "cached.py:hourly", "files.py:export", "clean.py:clean")


def write(folder, base_image, more="", flows=FLOWS):
    deployments = "".join(
        f'[[deployments]]\nname = "d{number}"\nentrypoint = "flows/{each}"\n'
        for number, each in enumerate(flows)
    )
    head = f'name = "{folder.name}"\nbase-image = "{base_image}"\n'
    write_files(folder, {**FILES, "flowship.toml": head + more + deployments})


def build(folder, *arguments, code=0):
    done = flowship("build", *arguments, cwd=folder, env=world(folder / ".home"))
    assert done.code == code, done.stderr
    return done


def test_a_build_says_once_what_the_runs_of_all_flows_lose(project, base_image):
    write(project, base_image)
    done = build(project, "--json")
    (text,) = done.json["warnings"]
    named = (
        "the results of the flow nightly (flows/results.py:3),"
        " the cache of the task load (flows/cached.py:3), data/x.csv (flows/files.py:6)."
    )
    assert named in text
    assert f'volumes = ["{project.name}-results:/' in text
    assert "code does not create: data (flows/files.py:6). Create it in the code" in text
    assert "clean" not in text
    assert done.stderr.count("each run has a new container") == 1
    # It does not disappear with the next build, which finds the image unchanged.
    again = build(project)
    assert "is up to date" in again.stderr
    assert again.stderr.count("each run has a new container") == 1
    assert all("stored" not in each for each in done.json["flows"])


def test_a_flow_that_stores_nothing_is_built_without_a_warning(project, base_image):
    write(project, base_image, flows=FLOWS[3:])
    assert build(project, "--json").json["warnings"] == []


def test_there_is_no_warning_about_what_is_kept_or_accepted(project, base_image):
    kept = (
        f'[block]\nvolumes = ["{project.name}:/opt/prefect/flows/data"]\n'
        'env = { PREFECT_DEFAULT_RESULT_STORAGE_BLOCK = "gcs-bucket/trips" }\n'
    )
    write(project, base_image, kept)
    assert build(project, "--json").json["warnings"] == []
    write(project, base_image, '[check]\nignore = ["lost-output"]\n')
    assert build(project, "--json").json["warnings"] == []
    write(project, base_image, '[check]\nerror = ["lost-output"]\n')
    error = build(project, "--json", code=3).json["error"]
    assert error["code"] == "lost-output"
    assert "data/x.csv (flows/files.py:6)" in error["message"]


@pytest.mark.server
def test_ship_says_it_once_with_the_warnings_at_its_end(
    project, base_image, registry, prefect_server
):
    write(project, base_image, flows=FLOWS[1:2])
    env = world(
        project / ".home",
        PREFECT_API_URL=prefect_server,
        FLOWSHIP_WORK_POOL=project.name,
        FLOWSHIP_REPO=f"{registry.address}/{project.name}",
    )
    done = flowship("ship", "--json", cwd=project, env=env, ok=True)
    (text,) = done.json["build"]["warnings"]
    assert "the cache of the task load (flows/cached.py:3)" in text
    assert done.stderr.count("each run has a new container") == 1
    assert done.stderr.index("each run has a new") > done.stderr.index("pushed")
