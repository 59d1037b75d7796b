"""Several flows in one image: built, probed and labelled together, on the real engine."""

from __future__ import annotations

import pytest

from flowship import image
from flowship.engine.client import connect
from flowship.errors import BuildError
from flowship.events import Phase, Step
from support.projects import build, write_files

pytestmark = pytest.mark.engine

SHARED = "RATE = 2\n"


def flow(name: str, before: str = "") -> str:
    return (
        f"from prefect import flow\nfrom shared import RATE\n{before}\n\n"
        f"@flow(name={name!r})\ndef run(rate: int = RATE):\n"
        f'    """The flow {name}."""\n    print(rate)\n'
    )


def write(folder, base_image, entrypoints, files):
    deployments = "".join(
        f'[[deployments]]\nname = "d{number}"\nentrypoint = "{entrypoint}"\n'
        for number, entrypoint in enumerate(entrypoints)
    )
    head = f'name = "{folder.name}"\nbase-image = "{base_image}"\n'
    write_files(folder, {**files, "flowship.toml": head + deployments})
    return folder


FILES = {
    "shared/__init__.py": SHARED,
    "a/flow.py": flow("one", "import sys, os\nsys.path.append('/x')\nos.environ['MARK'] = 'a'\n"),
    "b/flow.py": flow("two", "import os, sys\nassert 'MARK' not in os.environ\n"
                      "assert '/x' not in sys.path\n"),
    "c.py": flow("three", "import os\nos.chdir('/tmp')\n"),
}  # fmt: skip
THREE = ("a/flow.py:run", "b/flow.py:run", "c.py:run")


def test_one_container_loads_all_flows_and_none_disturbs_another(project, base_image, engine):
    events = []
    built = build(write(project, base_image, THREE, FILES), events.append)
    assert [f.flow_name for f in built.flows] == ["one", "two", "three"]
    assert [f.entrypoint for f in built.flows] == list(THREE)
    assert [f.description for f in built.flows] == [
        f"The flow {n}." for n in ("one", "two", "three")
    ]
    phases = [e.text for e in events if isinstance(e, Phase)]
    assert [p for p in phases if p.startswith("loading")] == ["loading 3 flows inside the image"]
    assert image.inspect(connect(), built.reference).flows == built.flows
    assert build(project).unchanged


def test_a_deployment_added_later_is_probed_and_labelled_without_a_build(
    project, base_image, engine
):
    first = build(write(project, base_image, THREE[:2], FILES))
    events = []
    second = build(write(project, base_image, THREE, FILES), events.append)
    assert not [e for e in events if isinstance(e, Step)]
    assert "loading c.py:run inside the image" in [e.text for e in events if isinstance(e, Phase)]
    assert (second.inputs, second.reference) == (first.inputs, first.reference)
    assert second.id != first.id
    assert [f.flow_name for f in second.flows] == ["one", "two", "three"]
    one, two = (engine.images.get(each).attrs["RootFS"]["Layers"] for each in (first.id, second.id))
    assert one == two
    # One that is left out is known still, when it comes back.
    fewer = build(write(project, base_image, THREE[1:], FILES))
    assert (fewer.id, fewer.unchanged) == (second.id, True)
    assert [f.flow_name for f in fewer.flows] == ["two", "three"]


BROKEN = {
    "missing.py": flow("x", "import not_there\n"),
    "crash.py": flow("x", "import os\nos.write(2, b'last words\\n')\nos._exit(3)\n"),
    "segfault.py": flow("x", "import ctypes\nctypes.string_at(0)\n"),
    "exits.py": flow("x", "import sys\nsys.exit('no')\n"),
    "called.py": flow("x") + "\nrun()\n",
}


def refused(project, base_image, entrypoints, **more):
    write(project, base_image, entrypoints, {**FILES, **BROKEN, **more})
    with pytest.raises(BuildError) as caught:
        build(project)
    return caught.value


def test_one_flow_that_does_not_load_is_named(project, base_image):
    error = refused(project, base_image, (*THREE, "missing.py:run"))
    assert error.message.startswith(
        "missing.py:run does not load: the module not_there is not in the image"
    )
    assert (error.code, error.where) == ("module-missing", "missing.py:3")
    assert image.with_label(connect(), "io.flowship.project", project.name) == []


def test_all_flows_that_do_not_load_are_explained(project, base_image):
    names = ("missing.py:run", *THREE, "crash.py:run", "segfault.py:run", "exits.py:run",
             "called.py:run", "a/flow.py:other")  # fmt: skip
    error = refused(project, base_image, names)
    assert error.message == "6 of 9 flows do not load in the image"
    assert error.code == "flows-do-not-load"
    for words in (
        "missing.py:run does not load: the module not_there is not in the image",
        "crash.py:run does not load: the process ended with exit code 3",
        "last words",
        "segfault.py:run does not load: the process ended by signal 11",
        "exits.py:run does not load: ",
        "called.py:run does not load: the file calls run() while it is imported",
        "a/flow.py:other does not load: the file has no flow named other",
    ):
        assert words in error.details


def test_flows_with_the_same_fault_share_its_explanation(project, base_image):
    error = refused(project, base_image, THREE, **{"shared/__init__.py": "import not_there\n"})
    assert error.message.startswith("a/flow.py:run, b/flow.py:run and c.py:run do not load: ")
    assert error.where == "shared/__init__.py:1"


def test_the_labels_of_a_hundred_flows_fit(project, base_image, engine):
    long = "x" * 2000
    names = [f"flows/f{number}.py" for number in range(100)]
    code = (
        "from prefect import flow\nfrom typing import Literal\n\n@flow(name='NAME')\n"
        f"def run(a: int = 1, b: Literal['{long}'] = '{long}'):\n    'A flow.'\n"
    )
    files = {name: code.replace("NAME", name[6:-3]) for name in names}
    built = build(write(project, base_image, [f"{name}:run" for name in names], files))
    assert [flow.flow_name for flow in built.flows] == [name[6:-3] for name in names]
    labels = engine.images.get(built.reference).labels
    assert sum(map(len, labels.values())) > 400_000
