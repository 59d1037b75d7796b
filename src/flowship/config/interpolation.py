"""``${NAME}`` in values of the configuration: from the environment, or else from ``env-file``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from flowship.config import files
from flowship.errors import ConfigError
from flowship.redaction import is_secret_name

Place = Callable[[list[str]], str]
"""Where the value at a path is written."""

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_CONTENT = re.compile(r"([A-Za-z_]\w*)(?::-(.*))?", re.ASCII | re.DOTALL)


@dataclass
class Variables:
    """The variables that values may refer to.

    Attributes:
        environ: The environment, which comes first.
        env_file: The file with the others; None if the configuration names none. It is read only
            if the environment lacks a variable.
        name: How to call the file in errors.
    """

    environ: Mapping[str, str]
    env_file: Path | None = None
    name: str = ""
    _read: dict[str, str] | None = field(default=None, repr=False)

    def get(self, name: str) -> str:
        """The variable's value; empty if it is not set. An empty one counts as not set."""
        found = self.environ.get(name)
        if found or self.env_file is None:
            return found or ""
        if self._read is None:
            exists = files.is_file(self.env_file)
            self._read = parse(self.env_file, self.environ) if exists else {}
        return self._read.get(name, "")

    def absent(self, name: str) -> str:
        """Why a variable has no value, for an error."""
        if self.env_file is None:
            return f"the environment does not set {name}"
        if not files.is_file(self.env_file):
            return f"the environment does not set {name}, and {self.name} does not exist"
        return f"neither the environment nor {self.name} sets {name}"


def parse(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of an env file, with its own references resolved.

    Raises:
        ConfigError: It cannot be read, or a line is not ``NAME=value``. The line is not quoted,
            since it may hold a password.
    """
    # python-dotenv, which Prefect and docker's users know the format from; imported late.
    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    values: dict[str, str] = {}
    for binding in parse_stream(StringIO(files.read_text(path, "env-file", where=str(path)))):
        if binding.error:
            raise ConfigError(
                f"the line is not NAME=value, as {path.name} needs it",
                code="env-file-invalid",
                hint="put a value with spaces or quotes in quotes",
                where=f"{path}:{binding.original.line}",
            )
        if binding.key is not None and binding.value is not None:
            known = {**values, **environ}
            atoms = parse_variables(binding.value)
            values[binding.key] = "".join(atom.resolve(known) for atom in atoms)
    return values


def expand(value: Any, variables: Variables, place: Place, path: list[str] | None = None) -> Any:  # noqa: ANN401 - any of TOML's types
    """`value` with the references in all of its texts replaced; keys stay as they are.

    Args:
        value: A value of the configuration, or the whole of it.
        variables: What the references name.
        place: Where the value at a path is written, for errors.
        path: The path of `value`.

    Raises:
        ConfigError: A variable has no value, or holds a secret, or a reference is malformed.
    """
    path = path or []
    if isinstance(value, dict):
        return {k: expand(v, variables, place, [*path, k]) for k, v in value.items()}
    if isinstance(value, list):
        return [expand(v, variables, place, [*path, str(n)]) for n, v in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    return _REFERENCE.sub(lambda found: _resolve(found, variables, lambda: place(path)), value)


def escape(text: str) -> str:
    """`text` so that `expand` gives it back."""
    return text.replace("${", "$${")


def _resolve(found: re.Match[str], variables: Variables, where: Callable[[], str]) -> str:
    if found[0] == "$${":
        return "${"
    content = _CONTENT.fullmatch(found[1]) if found[2] else None
    if content is None:
        raise ConfigError(
            f'"{found[0]}" is neither ${{NAME}} nor ${{NAME:-default}}',
            code="variable-invalid",
            hint="write $${ for the text ${",
            where=where(),
        )
    name, default = content.groups()
    if is_secret_name(name):
        raise ConfigError(
            f"{name} is the name of a secret, whose value would be readable in an image, on the"
            " server or in a log",
            code="variable-is-secret",
            hint=f'for runs, set secrets = ["{name}"] in [block], and `flowship secret set {name}`',
            where=where(),
        )
    value = variables.get(name) or default
    if value is None:
        raise ConfigError(
            f"${{{name}}} has no value: {variables.absent(name)}",
            code="variable-not-set",
            hint=f"set {name}, or write ${{{name}:-default}}; $${{{name}}} is the text itself",
            where=where(),
        )
    return value
