"""Writes the configuration that imports a ``prefect.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from tomlkit.items import AoT, Table

from flowship.project.prefect_yaml.translation import Translation, Unusable

HEADER = """\
# Imported from {source} by `flowship init --from`.
"""

BASE_IMAGE = """\
# Pinned, so that every laptop and CI job builds the same image.
"""

UNUSABLE = """\
# Not deployed: {reason}.
"""

LEFT = """\
# Not imported, {source}:{line}  {key}: {reason}
"""


def configuration(taken: Translation, *, name: str, base_image: str) -> str:
    """The text of ``flowship.toml``.

    Args:
        taken: The translated file.
        name: The project's name.
        base_image: For an image from the template.
    """
    return "\n".join(_parts(taken, name, base_image))


def _parts(taken: Translation, name: str, base_image: str) -> Iterator[str]:
    entrypoints = {str(each.get("entrypoint")) for each in taken.deployments}
    common = {"entrypoint": entrypoints.pop()} if len(entrypoints) == 1 else {}
    tables = {key: value for key, value in taken.settings.items() if isinstance(value, dict)}
    plain = {key: value for key, value in taken.settings.items() if key not in tables}
    yield HEADER.format(source=taken.source.name) + _toml({"name": name, **common, **plain})
    if "dockerfile" not in plain:
        yield BASE_IMAGE + _toml({"base-image": base_image})
    if tables:
        yield _toml(tables)
    for each in taken.deployments:
        left = {key: value for key, value in each.items() if common.get(key) != value}
        yield _deployment(left)
    for unusable in taken.unusable:
        yield _unusable(unusable, taken.source.name)


def _unusable(each: Unusable, source: str) -> str:
    """A deployment as a comment, with what a person who wants it has to know."""
    lines = [UNUSABLE.format(reason=_one_line(each.reason))]
    lines += [
        LEFT.format(
            source=source, line=one.line, key=_one_line(one.key), reason=_one_line(one.reason)
        )
        for one in sorted(each.left, key=lambda one: one.line)
    ]
    images = "".join(
        f"\n[images.{name}]\n{_table(settings).as_string()}"
        for name, settings in each.images.items()
    )
    return "".join(lines) + _commented(_deployment(each.table) + images)


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _toml(table: Mapping[str, Any]) -> str:
    """Keys and values; tables below the top are written in one line."""
    document = tomlkit.document()
    for key, value in table.items():
        document.add(key, _table(value) if isinstance(value, Mapping) else _item(value))
    return tomlkit.dumps(document)


def _deployment(table: Mapping[str, Any]) -> str:
    document = tomlkit.document()
    document.add("deployments", AoT([_table(table)]))
    return tomlkit.dumps(document)


def _table(values: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for key, value in values.items():
        table.add(str(key), _item(value))
    return table


def _item(value: Any) -> Any:  # noqa: ANN401 - a value of YAML, of any type
    """`value` in the types of TOML; a date as its text, since parameters are JSON."""
    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for key, each in value.items():
            inline.add(str(key), _item(each))
        return inline
    if isinstance(value, list | tuple | set):
        items = tomlkit.array()
        items.extend(_item(each) for each in value)
        return items
    return value if isinstance(value, bool | int | float | str) else str(value)
