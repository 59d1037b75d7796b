"""Known faults of packages, by the text of their exceptions."""

from __future__ import annotations

import pytest

from flowship.probe import known_causes


def found(kind, message, **facts):
    answer = {"type": kind, "message": message, "traceback": "", "types": [], "modules": []}
    return known_causes.find({**answer, **facts}, "requirements.txt")


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("libpq.so.5: cannot open shared object file: No such file or directory", '["libpq5"]'),
        ("libGL.so.1: cannot open shared object file: No such file or directory", '["libgl1"]'),
        ("libglib-2.0.so.0: cannot open shared object file", '["libglib2.0-0"]'),
        ("libother.so.3: cannot open shared object file", "apt = […]"),
        ("failed to find libmagic.  Check your installation", '["libmagic1"]'),
    ],
)
def test_a_missing_system_library_names_its_debian_package(message, hint):
    cause = found("ImportError", message)
    assert cause.code == "system-library-missing"
    assert hint in cause.hint


@pytest.mark.parametrize(
    "message",
    [
        "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header,"
        " got 88 from PyObject",
        "numpy.core.multiarray failed to import",
        "\nA module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.2",
    ],
)
def test_a_package_for_another_numpy_says_what_to_pin(message):
    cause = found("ValueError", message)
    assert cause.code == "packages-incompatible"
    assert "requirements.txt" in cause.hint
    assert "numpy<2" in cause.hint


def test_code_for_pydantic_1_names_the_package_that_has_the_settings():
    moved = "`BaseSettings` has been moved to the `pydantic-settings` package.\n\nFor further…"
    cause = found("PydanticImportError", moved, types=["pydantic.errors.PydanticImportError"])
    assert cause.code == "pydantic-1-code"
    assert cause.hint.startswith("add pydantic-settings to requirements.txt")
    cause = found("ImportError", "cannot import name 'ModelMetaclass' from 'pydantic.main' (/x)")
    assert cause.code == "pydantic-1-code"
    assert "pydantic.v1" in cause.hint


def test_an_integration_for_prefect_2_is_named():
    cause = found(
        "ImportError",
        "cannot import name 'BlockNotSavedError' from 'prefect.logging' (/x.py)",
        modules=["__prefect_loader__", "prefect_gcp.cloud_run", "prefect.flows"],
    )
    assert cause.code == "prefect-2-code"
    assert cause.hint.startswith("prefect-gcp is made for Prefect 2")


def test_code_for_prefect_2_is_not_a_missing_package():
    cause = found("ModuleNotFoundError", "No module named 'prefect.orion'", module="prefect.orion")
    assert cause.code == "prefect-2-code"
    assert "prefect.orion" in cause.message
    assert "for Prefect 3" in cause.hint


@pytest.mark.parametrize("message", ["No module named 'pandas'", "cannot import name 'x' from 'y'"])
def test_other_faults_are_not_known(message):
    assert found("ImportError", message) is None
