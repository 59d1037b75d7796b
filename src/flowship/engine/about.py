"""What an engine says about itself: its name, its clock, and where it stores images."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flowship import registry
from flowship.engine.client import Engine
from flowship.engine.errors import engine_errors


def name(engine: Engine) -> str:
    """``Docker`` or ``Podman``."""
    components = engine.api.about.get("Components") or ()
    names = [str(each.get("Name", "")) for each in components]
    return "Podman" if any("podman" in each.lower() for each in names) else "Docker"


def chosen_by(environ: Mapping[str, str]) -> str:
    """What selected this engine, in words; empty for docker's default."""
    if environ.get("DOCKER_HOST"):
        return "DOCKER_HOST"
    if environ.get("DOCKER_CONTEXT"):
        return f"the context {environ['DOCKER_CONTEXT']} (DOCKER_CONTEXT)"
    context = registry.docker_config(environ).get("currentContext") or "default"
    return "" if context == "default" else f"the context {context}"


def storage(engine: Engine) -> str:
    """The folder, on the engine's machine, with images and containers; empty if it is unknown."""
    return str(_info(engine).get("DockerRootDir") or "")


def clock(engine: Engine) -> datetime | None:
    """The time on the engine's machine; None if it does not say."""
    text = str(_info(engine).get("SystemTime") or "")
    try:  # Nanoseconds and a "Z" are too much for Python 3.10.
        whole, _, rest = text.partition(".")
        zone = rest.lstrip("0123456789") if rest else ""
        return datetime.fromisoformat(f"{whole}{zone}".replace("Z", "+00:00"))
    except ValueError:
        return None


def _info(engine: Engine) -> Mapping[str, Any]:
    with engine_errors("asking for its state"):
        found = engine.api.info()
    return found if isinstance(found, dict) else {}
