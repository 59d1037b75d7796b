"""The parameters of a flow, as the script describes them."""

from __future__ import annotations

import pytest

from flowship.deployment import parameters
from flowship.errors import ConfigError
from flowship.probe.inside.parameters import parameter_schema
from support.probing import FLOW, described, unusual

pytestmark = pytest.mark.slow


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
