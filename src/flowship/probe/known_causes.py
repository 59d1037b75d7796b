"""Known faults of packages while they are imported in the image, and the cure of each.

Each is recognized by the text of the exception: that is all that the packages give.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

SYSTEM_LIBRARIES = {
    "libGL": "libgl1",
    "libaio": "libaio1",
    "libgdal": "libgdal32",
    "libgeos_c": "libgeos-c1v5",
    "libglib-2.0": "libglib2.0-0",
    "libgomp": "libgomp1",
    "libgthread-2.0": "libglib2.0-0",
    "libmagic": "libmagic1",
    "libmariadb": "libmariadb3",
    "libmysqlclient": "default-libmysqlclient-dev",
    "libodbc": "unixodbc",
    "libpq": "libpq5",
    "libsndfile": "libsndfile1",
    "libxml2": "libxml2",
    "libxslt": "libxslt1.1",
}
"""Shared library → the Debian package that has it."""


class Explanation(NamedTuple):
    """The parts of an error that depend on what went wrong."""

    code: str
    message: str
    hint: str


def find(answer: Mapping[str, Any], requirements: str) -> Explanation | None:
    """The explanation of a known fault.

    Args:
        answer: What the script reported of an exception.
        requirements: The file that lists the dependencies.
    """
    message = str(answer["message"])
    for cause in (_system_library, _compiled_for_numpy, _pydantic_1, _prefect_2):
        if found := cause(answer, message, requirements):
            return found
    return None


def _system_library(
    answer: Mapping[str, Any], message: str, requirements: str
) -> Explanation | None:
    found = re.search(r"\b(lib[\w.+-]+?)\.so[\w.]*: cannot open shared object", message)
    name = found[1] if found else "libmagic" if "failed to find libmagic" in message else ""
    if not name:
        return None
    package = SYSTEM_LIBRARIES.get(name)
    add = f'apt = ["{package}"]' if package else "its Debian package with apt = […]"
    return Explanation(
        code="system-library-missing",
        message=f"the system library {name} is not in the image",
        hint=f"add {add} to the configuration, or install it with apt-get in your Dockerfile",
    )


def _compiled_for_numpy(
    answer: Mapping[str, Any], message: str, requirements: str
) -> Explanation | None:
    text = f"{message}\n{answer['traceback']}"
    signs = ("numpy.dtype size changed", "compiled using NumPy 1.x", "_ARRAY_API not found",
             "numpy.core.multiarray failed to import")  # fmt: skip
    if not any(sign in text for sign in signs):
        return None
    return Explanation(
        code="packages-incompatible",
        message="a package was compiled for another version of numpy than the image has",
        hint=f"pin numpy and that package to versions that fit in {requirements}: usually"
        ' "numpy<2", or a newer version of the package',
    )


def _pydantic_1(answer: Mapping[str, Any], message: str, requirements: str) -> Explanation | None:
    old = any(t.startswith("pydantic.errors.Pydantic") for t in answer.get("types", ()))
    if not old and not re.search(r"cannot import name '\w+' from 'pydantic\b", message):
        return None
    moved = "pydantic-settings" in message
    return Explanation(
        code="pydantic-1-code",
        message=f"the code is written for pydantic 1, but Prefect 3 needs pydantic 2:"
        f" {message.splitlines()[0]}",
        hint=f"add pydantic-settings to {requirements}, and import BaseSettings from it"
        if moved
        else "change that code for pydantic 2, or import from pydantic.v1;"
        " if a package has it, use a newer version of the package",
    )


def _prefect_2(answer: Mapping[str, Any], message: str, requirements: str) -> Explanation | None:
    name = str(answer.get("module") or "")
    if found := re.search(r"cannot import name '(\w+)' from '(prefect[\w.]*)'", message):
        name = f"{found[2]}.{found[1]}"
    elif found := re.search(r"`(prefect\.[\w.:]+)` has been removed", message):
        name = found[1].replace(":", ".")
    if not name.startswith("prefect."):
        return None
    packages = [m.partition(".")[0] for m in answer.get("modules", ()) if m.startswith("prefect_")]
    if packages:
        package = packages[0].replace("_", "-")
        hint = f"{package} is made for Prefect 2: use a newer version of it in {requirements}"
    else:
        hint = "change that import for Prefect 3: blocks have moved to integrations such as"
        hint += " prefect-docker, and Deployment is replaced by flowship deploy"
    return Explanation(
        code="prefect-2-code",
        message=f"the image's Prefect 3 has no {name}, which is part of Prefect 2",
        hint=hint,
    )
