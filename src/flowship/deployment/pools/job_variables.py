"""Job variables: which of them a pool takes, and which can point at a block.

A placeholder such as ``{{ prefect.blocks.docker-container.NAME.image }}`` is resolved by the
worker at each run, so an edit of the block reaches the next run. The server validates job
variables by the pool's schema and does not know placeholders: text leaves accept one, a
number, boolean, list or enum does not unless the pool's schema is widened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowship.deployment import json_schema
from flowship.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class JobVariables:
    """A deployment's job variables.

    Attributes:
        values: What the deployment is given.
        live: The fields (``env.KEY``, ``volumes[0]``) that follow the block.
        copied: The fields that the pool does not let follow, copied as they are now.
    """

    values: dict[str, Any]
    live: tuple[str, ...]
    copied: tuple[str, ...]


def known_variables(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """The job variables of a base job template: name → JSON schema."""
    known: Mapping[str, Any] = (template.get("variables") or {}).get("properties") or {}
    return known


def validate(
    deployment: str,
    given: Mapping[str, Any],
    template: Mapping[str, Any],
    place: Callable[..., str] | None = None,
) -> None:
    """Validate configured job variables against the pool's own template. The server accepts
    unknown ones without an error.

    Args:
        deployment: Its name.
        given: The job variables.
        template: The pool's base job template.
        place: Returns where a key of the deployment is configured, if that is known.

    Raises:
        ConfigError: A variable that the pool does not have, or a value of another type.
    """
    known, root = known_variables(template), template.get("variables") or {}
    for key, value in given.items():
        where = (
            place("job-variables", key) if place else f'deployment "{deployment}", job-variables'
        )
        if key not in known:
            raise ConfigError(
                f'the work pool has no job variable "{key}"',
                code="job-variable-unknown",
                hint=did_you_mean(key.replace("-", "_"), known, f"it has: {', '.join(known)}"),
                where=where,
            )
        wrong = json_schema.problem(json_schema.plain(value), known[key], root)
        if wrong:
            expected = json_schema.describe(known[key], root)
            raise ConfigError(
                f'job variable "{key}" expects {expected}: {wrong}',
                code="job-variable-invalid",
                where=where,
            )


class Pointer:
    """Writes placeholders where the pool's schema allows it, and remembers where it could not.

    Args:
        prefix: ``prefect.blocks.docker-container.NAME``.
        template: The pool's base job template.
    """

    def __init__(self, prefix: str, template: Mapping[str, Any]) -> None:
        self._prefix = prefix
        self._root: Mapping[str, Any] = template.get("variables") or {}
        self._live: list[str] = []
        self._copied: list[str] = []

    def result(self, values: dict[str, Any]) -> JobVariables:
        """The job variables, with what was found out about them."""
        return JobVariables(values, tuple(self._live), tuple(self._copied))

    def accepts(self, name: str, schema: Mapping[str, Any]) -> bool:
        """Whether this variable may be a placeholder as a whole."""
        placeholder = self._placeholder(name)
        return json_schema.problem(placeholder, schema, self._root) is None

    def live(self, path: str) -> str:
        """The placeholder for this field, which follows the block."""
        self._live.append(path)
        return self._placeholder(path)

    def copy(self, path: str, value: object) -> Any:  # noqa: ANN401 JSON
        """The value itself, as it is now."""
        self._copied.append(path)
        return value

    def leaf(self, path: str, value: object) -> Any:  # noqa: ANN401 JSON
        """A placeholder for one text inside a table or list; else the value."""
        key = path.partition(".")[2] or path
        # Prefect reads a dot as the next level down and finds nothing there.
        if isinstance(value, str) and re.fullmatch(r"[\w-]+(\[\d+\])?", key):
            return self.live(path)
        return self.copy(path, value)

    def _placeholder(self, path: str) -> str:
        return f"{{{{ {self._prefix}.{path} }}}}"
