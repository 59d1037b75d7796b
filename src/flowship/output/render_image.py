"""Renders an image, its flows, a push and a login."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from flowship.events import readable_size
from flowship.output.plan_text import listed
from flowship.output.tables import table, value_text
from flowship.redaction import mask_value

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.image import BuiltImage
    from flowship.probe.result import ProbeResult
    from flowship.push import PushedImage
    from flowship.registry import LoginResult

SHOWN_IN_FULL = 3
"""Flows of one image whose parameters are shown; of more, `--json` has them."""
LISTED = 5
"""Flows that have a line each where deployments follow, which name them."""


def built(image: BuiltImage, *, parameters: bool = True) -> list[RenderableType]:
    """The image, and the flows in it.

    Args:
        image: As the engine has it.
        parameters: Show each parameter of the flows with its default, unless there are many flows.
    """
    if image.unchanged:
        head = f"[green]✓[/] {escape(image.reference)} is up to date"
    else:
        about = f"{readable_size(image.size)}, {image.platform}"
        head = f"[green]✓[/] built {escape(image.reference)} ({about})"
    if not parameters and len(image.flows) > LISTED:
        return [head, _flows(image.flows)]
    shown = parameters and len(image.flows) <= SHOWN_IN_FULL
    return [head, *(line for each in image.flows for line in flow(each, parameters=shown))]


def _flows(flows: Sequence[ProbeResult]) -> str:
    """Many flows in a line."""
    about = f"Prefect {flows[0].prefect}, Python {flows[0].python}"
    names = listed([each.flow_name for each in flows])
    return escape(f"  {len(flows)} flows load ({about}): {names}")


def image_warnings(image: BuiltImage, engine_platform: str) -> tuple[str, ...]:
    """What may keep the image from running."""
    warnings = []
    if not image.platform.startswith(engine_platform):
        warnings.append(
            f"the image is for {image.platform}, but this engine is {engine_platform}: only a"
            f" worker on {image.platform} can run it"
        )
    if not image.flows:
        warnings.append("the image was not probed (--no-probe), so its flow is unknown")
    return tuple(warnings)


def built_json(image: BuiltImage, warnings: Sequence[str]) -> dict[str, Any]:
    """The image for ``--json``, with the warnings about it."""
    return {
        "image": image.reference,
        "id": image.id,
        "inputs": image.inputs,
        "platform": image.platform,
        "size": image.size,
        "unchanged": image.unchanged,
        "tags": list(image.tags),
        "entrypoint": image.entrypoint,
        "probe": _probe_json(image.probe) if image.probe else None,
        "flows": [_probe_json(each) for each in image.flows],
        "warnings": list(warnings),
    }


def _probe_json(probe: ProbeResult) -> dict[str, Any]:
    """What the probe found; defaults that are secrets by their name or form are masked."""
    found = asdict(probe)
    # How the defaults came about: `deploy --json` says what follows from it for each parameter.
    del found["refused_defaults"], found["computed_defaults"]
    # What is lost of it is in the warnings.
    del found["stored"], found["default_storage"], found["default_folder"]
    properties = found["parameters"].get("properties") or {}
    for name, about in properties.items():
        if "default" in about:
            about["default"] = mask_value(about["default"], name)
    return found


def flow(probe: ProbeResult, *, parameters: bool = True) -> list[RenderableType]:
    """The flow in an image; with `parameters`, each of them with its default."""
    title = f"  flow [bold]{escape(probe.flow_name)}[/] loads from {escape(probe.entrypoint)}"
    lines: list[RenderableType] = [
        title + escape(f" (Prefect {probe.prefect}, Python {probe.python})"),
    ]
    if probe.description:
        lines.append(f"  [dim]{escape(_first_line(probe.description))}[/]")
    rows = parameter_rows(probe.parameters, probe.computed_defaults) if parameters else []
    if rows:
        lines.append(table(("parameter", "type", "default"), rows))
    return lines


def _first_line(description: str) -> str:
    line = (description.strip().splitlines() or [""])[0]
    return line if len(line) <= 200 else f"{line[:200]}…"


def parameter_rows(
    schema: Mapping[str, Any], computed: Sequence[str] = ()
) -> list[tuple[str, str, str]]:
    """Name, type and default of each parameter of an OpenAPI schema, in their order.

    A default among `computed` is made of the time of the import, so runs have another one.
    """
    properties = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    rows = []
    for name, about in sorted(properties.items(), key=lambda p: p[1].get("position", 0)):
        default = (
            "required" if name in required else value_text(mask_value(about.get("default"), name))
        )
        default += " (as of the build)" if name in computed else ""
        rows.append((name, _type(about, schema), default))
    return rows


def _type(
    about: Mapping[str, Any], schema: Mapping[str, Any], within: frozenset[str] = frozenset()
) -> str:
    if "$ref" in about:
        definition = str(about["$ref"]).rpartition("/")[2]
        if definition in within:  # a recursive type
            return definition
        inner = (schema.get("definitions") or {}).get(definition, {})
        return _type(inner, schema, within | {definition})
    if "enum" in about:
        return " | ".join(value_text(item) for item in about["enum"])
    for key in ("anyOf", "allOf"):
        if key in about:
            return " | ".join(_type(option, schema, within) for option in about[key])
    if about.get("type") == "array":
        return f"list of {_type(about.get('items') or {}, schema, within)}"
    return str(about.get("format") or about.get("type") or "any")


def pushed(image: PushedImage) -> list[RenderableType]:
    """Where the image was pushed to."""
    name = f"{escape(image.repository)}:{escape(image.tag)}"
    if image.already:
        return [f"[green]✓[/] already pushed {name}"]
    state = "digest verified" if image.verified else "[yellow]digest not verified[/]"
    return [f"[green]✓[/] pushed {name}; {state}"]


def logged_in(done: LoginResult) -> list[RenderableType]:
    """The login, and where its credentials are stored."""
    lines: list[RenderableType] = [
        f"[green]✓[/] logged in to {escape(done.registry)} as {escape(done.username)}",
        f"  stored in {escape(done.stored.place)}",
    ]
    if done.stored.warning:
        lines.append(f"[yellow]warning:[/] {escape(done.stored.warning)}")
    return lines
