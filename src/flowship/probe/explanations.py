"""The explanation of a failure, and what the explaining modules read of the script's answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "GitPython",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "jwt": "PyJWT",
    "mysql": "mysql-connector-python",
    "MySQLdb": "mysqlclient",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "snowflake": "snowflake-connector-python",
    "yaml": "PyYAML",
}
"""Import name → the package to install, where the two names often get confused."""


class Explanation(NamedTuple):
    """The parts of an error that depend on what went wrong."""

    code: str
    message: str
    hint: str


def installed_package(answer: Mapping[str, Any], *without: str) -> str:
    """The package in whose code the exception was raised; "" if that is the project's own.

    Args:
        answer: What the script reported of an exception.
        without: Import names of packages that only report the mistakes of others.
    """
    for path in reversed(re.findall(r'File "(/[^"]+)", line', str(answer["traceback"]))):
        name = package_of(path)
        if name and name not in without:
            return name
        if not name and not re.search(r"/lib(64)?/python3[.\d]*/", path):
            return ""
    return ""


def package_of(path: str) -> str:
    """The import name of the installed package that a file belongs to; "" if it is in none."""
    found = re.search(r"/(?:site|dist)-packages/([^/]+)", path)
    return found[1].removesuffix(".libs").removesuffix(".py") if found else ""


def distribution(module: str) -> str:
    """The name to install a package under, given its import name."""
    return DISTRIBUTIONS.get(module, module.replace("_", "-"))
