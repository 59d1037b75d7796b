"""Prefect's integrations: the first version of each that is made for Prefect 3.

The source is the metadata in the package index: the version before the listed one requires
``prefect<3``, and the listed one requires ``prefect>=3.0.0rc1``. Versions of 2023 and earlier, such
as prefect-gcp 0.2.4, have no upper bound (``prefect>=2.7.2``): they can be installed with Prefect
3, and fail when they are imported. prefect-redis 0.1.4 is one of them, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

FIRST_FOR_PREFECT_3: Mapping[str, str] = {
    "prefect-aws": "0.5.0",
    "prefect-azure": "0.4.0",
    "prefect-bitbucket": "0.3.0",
    "prefect-dask": "0.3.0",
    "prefect-databricks": "0.3.0",
    "prefect-dbt": "0.6.0",
    "prefect-docker": "0.6.0",
    "prefect-email": "0.4.0",
    "prefect-gcp": "0.6.0",
    "prefect-github": "0.3.0",
    "prefect-gitlab": "0.3.0",
    "prefect-kubernetes": "0.5.0",
    "prefect-ray": "0.4.0",
    "prefect-redis": "0.2.0",
    "prefect-shell": "0.3.0",
    "prefect-slack": "0.3.0",
    "prefect-snowflake": "0.28.0",
    "prefect-sqlalchemy": "0.5.0",
}
"""Distribution → its first version for Prefect 3."""


def first_version(package: str) -> str | None:
    """The first version for Prefect 3 of a distribution or module; None if it is not known."""
    return FIRST_FOR_PREFECT_3.get(re.sub(r"[-_.]+", "-", package).lower())
