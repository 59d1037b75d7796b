"""Known faults of packages: code for Prefect 2 and for pydantic 1."""

from __future__ import annotations

import pytest

from flowship.probe import known_causes

SITE = "/opt/venv/lib/python3.11/site-packages"
OWN = "/opt/prefect/flows/flow.py"
PYDANTIC = ["pydantic.errors.PydanticUserError", "builtins.RuntimeError"]


def found(kind, message, *, files=(OWN,), **facts):
    frames = "".join(f'  File "{file}", line 1, in x\n' for file in files)
    answer = {"type": kind, "message": message, "traceback": frames, "types": [], "modules": []}
    return known_causes.find({**answer, **facts}, "requirements.txt")


def test_a_system_library_is_known():
    cause = found("ImportError", "libpq.so.5: cannot open shared object file")
    assert cause.code == "system-library-missing"


# --- Prefect 2 -----------------------------------------------------------------------------------


def test_an_integration_for_prefect_2_names_its_first_version_for_prefect_3():
    message = "cannot import name 'BlockNotSavedError' from 'prefect.logging' (/x.py)"
    cause = found("ImportError", message, files=[OWN, f"{SITE}/prefect_gcp/cloud_run.py"])
    assert cause.code == "prefect-2-code"
    assert "this version of prefect-gcp is made for Prefect 2" in cause.message
    assert cause.hint == "write prefect-gcp>=0.6.0 in requirements.txt"


def test_an_integration_that_fails_in_pydantic_is_one_for_prefect_2():
    files = [OWN, f"{SITE}/prefect_airbyte/x.py", f"{SITE}/pydantic/deprecated/x.py"]
    facts = {"types": PYDANTIC, "code": "root-validator-pre-skip"}
    cause = found("PydanticUserError", "If you use `@root_validator`…", files=files, **facts)
    assert cause.code == "prefect-2-code"
    assert "a version of prefect-airbyte for Prefect 3" in cause.hint


def test_code_for_prefect_2_is_not_a_missing_package():
    cause = found("ModuleNotFoundError", "No module named 'prefect.orion'", module="prefect.orion")
    assert cause.code == "prefect-2-code"
    assert "prefect.orion" in cause.message
    assert "for Prefect 3" in cause.hint


# --- pydantic 1 ----------------------------------------------------------------------------------


def test_the_settings_of_pydantic_1_name_the_package_that_has_them():
    moved = "`BaseSettings` has been moved to the `pydantic-settings` package.\n\nFor further…"
    types = ["pydantic.errors.PydanticImportError"]
    cause = found("PydanticImportError", moved, types=types, code="import-error")
    assert cause.code == "pydantic-1-code"
    assert cause.hint.startswith("add pydantic-settings to requirements.txt")


@pytest.mark.parametrize(
    ("kind", "message", "facts"),
    [
        ("ImportError", "cannot import name 'ModelMetaclass' from 'pydantic.main' (/x)", {}),
        ("PydanticUserError", "`regex` is removed", {"types": PYDANTIC, "code": "removed-kwargs"}),
        ("PydanticUserError", "use `pydantic.RootModel` rather than a field called '__root__'",
         {"types": PYDANTIC, "code": ""}),
        ("TypeError", "conlist() got an unexpected keyword argument 'min_items'", {}),
    ],
)  # fmt: skip
def test_code_for_pydantic_1_is_known_by_type_and_code(kind, message, facts):
    cause = found(kind, message, **facts)
    assert cause.code == "pydantic-1-code"
    assert "pydantic.v1" in cause.hint


def test_a_package_for_pydantic_1_is_named():
    files = [OWN, f"{SITE}/great/x.py", f"{SITE}/pydantic/fields.py"]
    facts = {"types": PYDANTIC, "code": "removed-kwargs"}
    cause = found("PydanticUserError", "`regex` is removed", files=files, **facts)
    assert cause.message.startswith("great is written for pydantic 1")
    assert cause.hint == "use a newer version of great in requirements.txt"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("PydanticSchemaGenerationError", "schema-for-unknown-type"),
        ("PydanticUserError", "class-not-fully-defined"),
    ],
)
def test_a_mistake_in_code_for_pydantic_2_is_not_called_pydantic_1(kind, code):
    assert found(kind, "x", types=[f"pydantic.errors.{kind}"], code=code) is None


@pytest.mark.parametrize("message", ["No module named 'pandas'", "cannot import name 'x' from 'y'"])
def test_other_faults_are_not_known(message):
    assert found("ImportError", message) is None
