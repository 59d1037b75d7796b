"""The script that runs in the image, run here by a Python of its own."""

from __future__ import annotations

import pytest

from flowship.probe.inside.failures import Failure
from support.probing import FLOW, ask, ask_all

pytestmark = pytest.mark.slow


def test_modules_next_to_the_flow_and_in_the_project_folder_can_be_imported(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/sibling.py").write_text("A = 1\n")
    (tmp_path / "common.py").write_text("B = 1\n")
    (tmp_path / "flows/main.py").write_text("import sibling, common\n" + FLOW)
    assert "flow" in ask(tmp_path, "flows/main.py:hello")


@pytest.mark.parametrize("module", ["prefect/cli/flow_run.py", "prefect/runner/__init__.py"])
def test_what_a_run_imports_besides_the_flow_is_loaded_too(tmp_path, module):
    # A finder in place of a package that does not work with this Prefect.
    name = module.replace("/__init__", "").removesuffix(".py").replace("/", ".")
    refuse = (
        "import sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {name!r}: raise ModuleNotFoundError('No module named typer.x')\n"
        "sys.meta_path.insert(0, Broken())\n"
    )
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "sitecustomize.py").write_text(refuse)
    answer = ask(tmp_path, "flow.py:hello", PYTHONPATH=str(tmp_path))
    assert Failure(answer["failure"]) is Failure.PREFECT_MISSING
    assert "typer.x" in answer["traceback"]


def test_the_arguments_of_a_run_are_those_of_prefect(tmp_path):
    (tmp_path / "flow.py").write_text(
        f"import sys; assert sys.argv[1:] == ['flow-run', 'execute']{FLOW}"
    )
    assert "flow" in ask(tmp_path, "flow.py:hello")


def test_garbage_is_collected_in_a_flow_as_in_a_run_but_not_looked_for_in_prefect(tmp_path):
    text = "import gc; assert gc.isenabled(); assert gc.get_freeze_count() > 10_000"
    (tmp_path / "flow.py").write_text(f"{text}{FLOW}")
    assert "flow" in ask(tmp_path, "flow.py:hello")


def test_a_flow_that_waits_or_ends_its_process_is_known_and_the_others_are_described(tmp_path):
    (tmp_path / "good.py").write_text(FLOW)
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(600)\n")
    (tmp_path / "dies.py").write_text("import os\nos.write(2, b'last words')\nos._exit(3)\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package/module.py").write_text(FLOW)
    names = ("waits.py:x", "dies.py:x", "good.py:hello", "none.py:x", "package.module:hello")
    answers = ask_all(tmp_path, *names, seconds=30)
    assert set(answers) == set(names)
    assert answers["waits.py:x"]["failure"] == Failure.WAITING
    assert answers["waits.py:x"]["line"] == 2
    assert answers["dies.py:x"] == {
        "failure": "process-ended", "exit_code": 3, "output": "last words",
    }  # fmt: skip
    assert answers["none.py:x"]["failure"] == Failure.FILE_MISSING
    assert answers["good.py:hello"]["flow"] == answers["package.module:hello"]["flow"]


def test_after_a_few_flows_that_wait_no_further_one_is_tried(tmp_path):
    for name in "abcdefgh":
        (tmp_path / f"{name}.py").write_text("import time\ntime.sleep(600)\n")
    answers = ask_all(tmp_path, *(f"{name}.py:x" for name in "abcdefgh"), seconds=15)
    failures = [answer["failure"] for answer in answers.values()]
    assert set(failures) == {Failure.WAITING, Failure.NOT_TRIED}
    assert failures.count(Failure.WAITING) < 8


COUNTED = """
from pathlib import Path
from prefect import flow

with Path("loaded.txt").open("a") as stream:
    print("{name}", file=stream)

@flow
def first(a: int = 1): pass

@flow
def second(b: int = 2): pass
"""


def test_a_file_is_loaded_once_for_all_of_its_flows(tmp_path):
    for name in ("one", "other"):
        (tmp_path / f"{name}.py").write_text(COUNTED.format(name=name))
    (tmp_path / "package").mkdir()
    (tmp_path / "package/module.py").write_text(COUNTED.format(name="module"))
    names = [f"{file}:{f}" for f in ("first", "second")
             for file in ("one.py", "other.py", "package.module")]  # fmt: skip
    answers = ask_all(tmp_path, *names, "one.py:third")
    assert sorted((tmp_path / "loaded.txt").read_text().split()) == ["module", "one", "other"]
    assert [answers[n]["flow"]["name"] for n in names] == ["first"] * 3 + ["second"] * 3
    assert [*answers["other.py:second"]["parameters"]["properties"]] == ["b"]
    assert answers["one.py:third"]["failure"] == Failure.FLOW_NOT_FOUND


@pytest.mark.parametrize(
    ("last", "failure"),
    [
        ("1 / 0", Failure.EXCEPTION),
        ("raise SystemExit(3)", Failure.EXCEPTION),
        ("first()", Failure.FLOW_CALLED),
        ("import os; os._exit(3)", Failure.PROCESS_ENDED),
        ("import time; time.sleep(600)", Failure.WAITING),
    ],
)
@pytest.mark.parametrize("module", ["bad", "package.bad"])
def test_a_file_that_does_not_load_does_not_for_any_of_its_flows(tmp_path, module, last, failure):
    path = tmp_path / (module.replace(".", "/") + ".py")
    path.parent.mkdir(exist_ok=True)
    path.write_text(COUNTED.format(name="bad") + last)
    (tmp_path / "good.py").write_text(FLOW)
    bad = "bad.py" if module == "bad" else module
    answers = ask_all(tmp_path, f"{bad}:first", "good.py:hello", f"{bad}:second", seconds=15)
    assert (tmp_path / "loaded.txt").read_text().split() == ["bad"]
    assert answers[f"{bad}:first"]["failure"] == failure
    assert answers[f"{bad}:first"] == answers[f"{bad}:second"]
    assert "flow" in answers["good.py:hello"]


def test_what_a_file_imports_and_changes_reaches_no_other_file(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "helpers.py").write_text(f"NAME = {name!r}\n")
        (tmp_path / name / "flow.py").write_text(
            "import sys\nassert not hasattr(sys, 'changed')\nsys.changed = True\n"
            "from helpers import NAME\nfrom prefect import flow\n"
            "@flow(name=NAME)\ndef hello(): pass\n"
        )
    answers = ask_all(tmp_path, "a/flow.py:hello", "b/flow.py:hello")
    assert [answers[f"{n}/flow.py:hello"]["flow"]["name"] for n in "ab"] == ["a", "b"]


def test_a_flow_that_ends_its_process_when_it_is_described_leaves_the_answers_before_it(tmp_path):
    (tmp_path / "flow.py").write_text(
        "import os\nfrom prefect import flow\nfrom pydantic import BaseModel, model_validator\n"
        "class Ends(BaseModel):\n"
        "    @model_validator(mode='before')\n    def end(cls, value): os._exit(3)\n"
        "@flow\ndef first(): pass\n"
        "@flow\ndef second(ends: Ends = {}): pass\n"
    )
    answers = ask_all(tmp_path, "flow.py:first", "flow.py:second")
    assert "flow" in answers["flow.py:first"]
    assert answers["flow.py:second"]["failure"] == Failure.PROCESS_ENDED
