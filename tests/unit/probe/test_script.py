"""The script that runs in the image, run here by a Python of its own."""

from __future__ import annotations

import pytest

from flowship.deployment import parameters
from flowship.errors import ConfigError
from flowship.probe.script import Failure, parameter_schema
from support.probing import FLOW, ask, ask_all, described, unusual

pytestmark = pytest.mark.slow


def test_the_values_of_a_failure_are_plain_text_in_the_answer(tmp_path):
    answer = ask(tmp_path, "flow.py:hello")
    assert answer["failure"] == "file-missing"
    assert Failure(answer["failure"]) is Failure.FILE_MISSING


def test_variadic_parameters_are_optional_and_keywords_are_an_object(tmp_path):
    source = FLOW.replace("times: int = 2", "*sizes: int, unit='kg', **notes: float")
    (tmp_path / "flow.py").write_text(source)
    result = described(tmp_path, "flow.py:hello")
    known = result.parameters["properties"]
    assert (list(known), result.parameters["required"]) == (["name", "unit", "notes"], ["name"])
    assert known["notes"]["default"] == {}
    given = {"notes": {"weight": 1.5}}
    assert parameters.resolve(result.parameters, given) == given
    for wrong in ({"notes": {"weight": "heavy"}}, {"sizes": [1]}):
        with pytest.raises(ConfigError):
            parameters.resolve(result.parameters, wrong)


def test_values_that_the_server_rejects_are_left_out_and_stay_optional(tmp_path):
    result = unusual(tmp_path)
    known = result.parameters["properties"]
    about = ("default", "minimum", "maximum", "examples", "pattern", "patternProperties")
    assert {n: {k: v for k, v in known[n].items() if k in about} for n in known} == {
        "limit": {},
        "share": {"default": 0.5, "minimum": 0},
        "steps": {"default": 2},
        "limits": {},
        "name": {"default": "a"},
        "code": {"default": "a", "pattern": "^[a-z]+$"},
        "notes": {"default": {}, "patternProperties": {}},
    }
    limits = result.parameters["definitions"]["Limits"]["properties"]
    assert {n: "default" in limits[n] for n in limits} == {
        "low": False, "pattern": True, "default": False,
    }  # fmt: skip
    assert parameters.missing(result.parameters, {}) == ()


def test_modules_next_to_the_flow_and_in_the_project_folder_can_be_imported(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/sibling.py").write_text("A = 1\n")
    (tmp_path / "common.py").write_text("B = 1\n")
    (tmp_path / "flows/main.py").write_text("import sibling, common\n" + FLOW)
    assert "flow" in ask(tmp_path, "flows/main.py:hello")


def test_a_flow_file_that_calls_exit_is_reported(tmp_path):
    (tmp_path / "flow.py").write_text("import sys\nsys.exit(0)\n")
    assert ask(tmp_path, "flow.py:hello")["type"] == "SystemExit"


REFUSED = """
from __future__ import annotations
from datetime import date
from typing import Annotated, Literal
from prefect import flow
from pydantic import BaseModel, Field

class Limits(BaseModel):
    low: int = 1

@flow
def hello(
    name: str,
    day: date = None,
    ids: list[int] = None,
    dry: bool = "",
    size: Literal["s", "m"] = "l",
    positive: Annotated[int, Field(ge=1)] = 0,
    number: int = "3",
    moment: date = "2026-01-31",
    limits: Limits = Limits(),
    share: float = Field(default=2, ge=1),
    part: float = Field(default=2, description="A part."),
    maybe: date | None = None,
    *rest: int,
    other: int = 1.5,
    **more: float,
):
    pass
"""


def test_defaults_are_validated_as_in_a_run(tmp_path):
    (tmp_path / "flow.py").write_text(REFUSED)
    result = described(tmp_path, "flow.py:hello")
    assert set(result.refused_defaults) == {"day", "ids", "dry", "size", "positive", "other"}
    assert result.refused_defaults["day"] == "Input should be a valid date"
    (tmp_path / "flow.py").write_text(REFUSED.replace("@flow", "@flow(validate_parameters=False)"))
    assert described(tmp_path, "flow.py:hello").refused_defaults == {}


COMPUTED = """
import datetime as dt
from prefect import flow
TODAY = dt.date.today()
YESTERDAY = TODAY - dt.timedelta(days=1)
FIRST = dt.date(2026, 1, 1)

@flow
def hello(a: str = f"{dt.datetime.now():%Y}", b: dt.date = YESTERDAY, c: dt.date = FIRST,
          *, d: int = 2026, e: str = str(TODAY)):
    pass
"""


def test_defaults_that_are_made_of_the_time_are_known(tmp_path):
    (tmp_path / "flow.py").write_text(COMPUTED)
    assert described(tmp_path, "flow.py:hello").computed_defaults == ("a", "b", "e")


def test_half_characters_and_endless_texts_stay_out_of_the_answer(tmp_path):
    source = "from prefect import flow\n@flow\ndef hello(a: str = '\\ud800', b: str = 'b'):\n"
    docstring = f'    """{"x" * 3_000_000}\n\n    Args:\n        b: {"y" * 50_000}\n    """\n'
    (tmp_path / "flow.py").write_text(source + docstring)
    result = described(tmp_path, "flow.py:hello")
    assert result.parameters["properties"]["b"]["default"] == "b"
    assert "default" not in result.parameters["properties"]["a"]
    assert parameters.missing(result.parameters, {}) == ()
    assert len(result.to_json()) < 50_000
    (tmp_path / "flow.py").write_text(source + "    '''half \\ud800'''\n")
    assert described(tmp_path, "flow.py:hello").description == "half ?"


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


class FlowOfPrefect39:
    """What Prefect from 3.9 on says of ``def fn(name: str, *sizes: int, **notes: float)``."""

    class parameters:
        @staticmethod
        def model_dump_for_openapi():
            return {
                "properties": {
                    "name": {"type": "string"},
                    "sizes": {"type": "array", "items": {"type": "integer"}, "default": []},
                    "notes": {"type": "object", "additionalProperties": {"type": "number"},
                              "default": {}, "position": 2},
                },
                "required": ["name"],
            }  # fmt: skip

    @staticmethod
    def fn(name: str, *sizes: int, **notes: float):
        pass


def test_keywords_that_prefect_wraps_itself_are_not_wrapped_again():
    schema = parameter_schema(FlowOfPrefect39())
    assert list(schema["properties"]) == ["name", "notes"]
    given = {"notes": {"weight": 1.5}}
    assert parameters.resolve(schema, given) == given
    with pytest.raises(ConfigError):
        parameters.resolve(schema, {"notes": {"weight": "heavy"}})
    assert parameters.missing(schema, {"name": "a"}) == ()


def test_keywords_that_are_tables_themselves_are_wrapped_with_prefect_3_8(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW.replace("times: int = 2", "**notes: dict[str, int]"))
    result = described(tmp_path, "flow.py:hello")
    given = {"name": "a", "notes": {"weights": {"b": 1}}}
    assert parameters.resolve(result.parameters, given) == given


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


def test_a_module_without_the_flow_lists_those_of_its_file(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package/module.py").write_text(FLOW)
    answer = ask(tmp_path, "package.module:other")
    assert answer == {"failure": "flow-not-found", "function": "other", "flows": ["hello"]}


def test_after_a_few_flows_that_wait_no_further_one_is_tried(tmp_path):
    for name in "abcdefgh":
        (tmp_path / f"{name}.py").write_text("import time\ntime.sleep(600)\n")
    answers = ask_all(tmp_path, *(f"{name}.py:x" for name in "abcdefgh"), seconds=15)
    failures = [answer["failure"] for answer in answers.values()]
    assert set(failures) == {Failure.WAITING, Failure.NOT_TRIED}
    assert failures.count(Failure.WAITING) < 8
