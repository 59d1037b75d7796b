"""Whose code raised an exception, by its traceback."""

from __future__ import annotations

import pytest

from flowship.probe.explanations import distribution, installed_package, package_of

SITE = "/opt/venv/lib/python3.11/site-packages"


def raised_in(*files):
    return {"traceback": "".join(f'  File "{file}", line 1, in x\n' for file in files)}


@pytest.mark.parametrize(
    ("files", "package"),
    [
        (["/opt/prefect/flows/a.py", f"{SITE}/pandas/x.py", "pandas/_libs/x.pyx"], "pandas"),
        (["/opt/prefect/flows/a.py", f"{SITE}/six.py", "/usr/lib/python3.11/json.py"], "six"),
        ([f"{SITE}/prefect/flows.py", "/opt/prefect/flows/a.py"], ""),
        (["/opt/prefect/flows/a.py", f"{SITE}/pydantic/main.py"], ""),
        (["/x/a.py", f"{SITE}/gx/a.py", f"{SITE}/pydantic/main.py"], "gx"),
        ([], ""),
    ],
)
def test_the_deepest_file_outside_of_pydantic_names_the_package(files, package):
    assert installed_package(raised_in(*files), "pydantic") == package


def test_the_folder_of_the_bundled_libraries_belongs_to_the_package():
    assert package_of(f"{SITE}/numpy.libs/libx.so") == "numpy"
    assert package_of("/usr/lib/python3/dist-packages/yaml/x.so") == "yaml"
    assert package_of("/opt/prefect/flows/a.py") == ""


def test_the_name_to_install_can_be_another_one():
    assert distribution("psycopg2") == "psycopg2-binary"
    assert distribution("prefect_gcp") == "prefect-gcp"
