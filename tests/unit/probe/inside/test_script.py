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
