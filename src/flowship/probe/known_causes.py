"""Known faults of packages while they are imported in the image, and the cure of each.

Pydantic's own errors are recognized by their types and codes. A name that is missing is recognized
by the text of the exception: that is all that Python gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowship.probe import compiled_packages
from flowship.probe.explanations import Explanation, distribution, installed_package
from flowship.project.integrations import first_version

Answer = Mapping[str, Any]

PYDANTIC_1_CODES = {
    "custom-json-schema",
    "import-error",
    "model-field-missing-annotation",
    "model-field-overridden",
    "removed-kwargs",
    "root-validator-pre-skip",
    "validator-field-config-info",
    "validator-signature",
    "validator-v1-signature",
}
"""The codes of pydantic 2 for what pydantic 1 accepts; its other errors are new mistakes."""


def find(answer: Answer, requirements: str) -> Explanation | None:
    """The explanation of a known fault.

    Args:
        answer: What the script reported of an exception.
        requirements: The file that lists the dependencies.
    """
    for cause in (compiled_packages.find, _prefect_2, _pydantic_1):
        if found := cause(answer, requirements):
            return found
    return None


# --- Prefect 2 -----------------------------------------------------------------------------------


def _prefect_2(answer: Answer, requirements: str) -> Explanation | None:
    name = _removed_from_prefect(answer)
    package = installed_package(answer, "prefect", "pydantic")
    integration = package if package.startswith("prefect_") else ""
    if not name and not (integration and _is_pydantic_1(answer)):
        return None
    if not integration:
        return Explanation(
            code="prefect-2-code",
            message=f"the image's Prefect 3 has no {name}, which is part of Prefect 2",
            hint="change that import for Prefect 3: blocks have moved to integrations such as"
            " prefect-docker, and Deployment is replaced by `flowship deploy`",
        )
    shown = distribution(integration)
    first = first_version(shown)
    return Explanation(
        code="prefect-2-code",
        message=f"this version of {shown} is made for Prefect 2, but the image has Prefect 3",
        hint=f"write {shown}>={first} in {requirements}"
        if first
        else f"use a version of {shown} for Prefect 3 in {requirements}, or call its service"
        " without it",
    )


def _removed_from_prefect(answer: Answer) -> str:
    """The name of Prefect 2 that is missing; "" if the exception is about something else."""
    message = str(answer["message"])
    name = str(answer.get("module") or "")
    if found := re.search(r"cannot import name '(\w+)' from '(prefect[\w.]*)'", message):
        name = f"{found[2]}.{found[1]}"
    elif found := re.search(r"`(prefect\.[\w.:]+)` has been removed", message):
        name = found[1].replace(":", ".")
    return name if name.startswith("prefect.") else ""


# --- pydantic 1 ----------------------------------------------------------------------------------


def _is_pydantic_1(answer: Answer) -> bool:
    """Whether the exception says that the code is written for pydantic 1."""
    message = str(answer["message"])
    if any(t.startswith("pydantic.errors.Pydantic") for t in answer.get("types", ())):
        return answer.get("code") in PYDANTIC_1_CODES or "'__root__'" in message
    if answer["type"] == "TypeError":
        removed = "min_items|max_items|unique_items|regex|curtail_length"
        return bool(re.search(rf"\bcon\w+\(\) got an unexpected .* '({removed})'", message))
    return bool(re.search(r"cannot import name '\w+' from 'pydantic\b", message))


def _pydantic_1(answer: Answer, requirements: str) -> Explanation | None:
    if not _is_pydantic_1(answer):
        return None
    reason = str(answer["message"]).splitlines()[0]
    package = installed_package(answer, "pydantic")
    if package:
        name = distribution(package)
        return Explanation(
            code="pydantic-1-code",
            message=f"{name} is written for pydantic 1, but Prefect 3 needs pydantic 2: {reason}",
            hint=f"use a newer version of {name} in {requirements}",
        )
    moved = "BaseSettings" in reason
    return Explanation(
        code="pydantic-1-code",
        message=f"the code is written for pydantic 1, but Prefect 3 needs pydantic 2: {reason}",
        hint=f"add pydantic-settings to {requirements}, and import BaseSettings from it"
        if moved
        else "change that line for pydantic 2, or import from pydantic.v1",
    )
