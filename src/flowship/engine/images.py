"""Images in the engine: looking them up, what they are made of, and their names."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import docker.errors

from flowship.engine.client import LABEL, Engine
from flowship.engine.errors import engine_errors
from flowship.registry import Reference

# What an image's configuration adds to the images built from it. Docker's other keys (Hostname,
# Image, AttachStdin, ...) are about the container that made the image, and differ per engine.
_INHERITED = (
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "Labels",
    "OnBuild",
    "Shell",
    "StopSignal",
    "User",
    "Volumes",
)


@dataclass(frozen=True)
class EngineImage:
    """An image as the engine describes it.

    Attributes:
        id: The engine's image id. The classic store takes the digest of the configuration, the
            containerd store that of the manifest.
        platform: As "linux/amd64".
        size: Bytes, all layers.
        labels: Its labels.
        tags: Every name it has in the engine.
        digests: Names with digests, ``user/de-repo@sha256:...``. The containerd store and Podman
            list one for every tag, so a name here does not prove a push.
        working_directory: Its WORKDIR.
        entrypoint: Its ENTRYPOINT; empty when it has none.
        fingerprint: A hash of the layers and of the configuration that children inherit. It is
            the same in every engine, which the id is not.
    """

    id: str
    platform: str
    size: int
    labels: Mapping[str, str]
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    working_directory: str
    entrypoint: tuple[str, ...]
    fingerprint: str


def read_image(document: Mapping[str, Any]) -> EngineImage:
    """The image that the engine's answer to an inspect describes."""
    config = document.get("Config") or {}
    return EngineImage(
        id=str(document["Id"]),
        platform=_platform(document),
        size=int(document.get("Size") or 0),
        labels=dict(config.get("Labels") or {}),
        tags=tuple(sorted(document.get("RepoTags") or ())),
        digests=tuple(sorted(document.get("RepoDigests") or ())),
        working_directory=config.get("WorkingDir") or "/",
        entrypoint=tuple(config.get("Entrypoint") or ()),
        fingerprint=_fingerprint(document),
    )


def _platform(document: Mapping[str, Any]) -> str:
    parts = [document.get("Os", "linux"), document.get("Architecture"), document.get("Variant")]
    return "/".join(part for part in parts if part)


def _fingerprint(document: Mapping[str, Any]) -> str:
    """See `EngineImage.fingerprint`.

    Engines write "nothing" as null, as an empty value, or not at all, so empty values are left
    out. containerd drops the variant "v8" of arm64, which is the only one.
    """
    config = document.get("Config") or {}
    inherited = {key: config[key] for key in _INHERITED if config.get(key)}
    parts = {
        "layers": (document.get("RootFS") or {}).get("Layers") or [],
        "config": {**inherited, "WorkingDir": config.get("WorkingDir") or "/"},
        "platform": _platform(document).replace("/arm64/v8", "/arm64"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def look_up(engine: Engine, reference: str) -> EngineImage | None:
    """An image by name or id; None when the engine does not have it."""
    with engine_errors(f"looking for {reference}"):
        try:
            return read_image(engine.api.inspect_image(reference))
        except docker.errors.ImageNotFound:
            return None
        except docker.errors.APIError as exc:
            if "invalid reference format" in str(exc.explanation):  # no image has such a name
                return None
            raise


def with_label(engine: Engine, name: str, value: str) -> list[EngineImage]:
    """The images that have this label with this value, the newest first."""
    with engine_errors(f"looking for images with {name}={value}"):
        found = engine.api.images(filters={"label": f"{name}={value}"})
    newest_first = sorted(found, key=lambda each: -int(each.get("Created") or 0))
    known = (look_up(engine, str(each["Id"])) for each in newest_first)
    return [each for each in known if each is not None]


def unnamed(engine: Engine, older_than: float = 600) -> list[str]:
    """The images that flowship built and that have no name, no digest and no container.

    A build of equal files takes the name from the image before it. One that a worker pulled by
    its digest has that digest.

    Args:
        engine: The engine.
        older_than: Seconds; younger ones may still get their name.
    """
    filters = {"dangling": True, "label": f"{LABEL}.project"}
    with engine_errors("looking for images without a name"):
        found = engine.api.images(filters=filters)
        used = {each.get("ImageID") for each in engine.api.containers(all=True)} if found else set()
    before = time.time() - older_than
    return [
        str(each["Id"])
        for each in found
        if each["Id"] not in used
        and not _names(each.get("RepoTags"))
        and not _names(each.get("RepoDigests"))
        and int(each.get("Created") or 0) < before
    ]


def _names(listed: list[str] | None) -> list[str]:
    return [name for name in listed or () if not name.startswith("<none>")]


def working_directory(engine: Engine, reference: str) -> str | None:
    """The WORKDIR of an image; None when the engine does not have the image."""
    found = look_up(engine, reference)
    return found.working_directory if found else None


def tag(engine: Engine, image_id: str, name: str) -> None:
    """Give an image another name."""
    target = Reference.parse(name)
    with engine_errors(f"tagging {name}"):
        engine.api.tag(image_id, target.repository, target.tag or "latest")


@contextmanager
def tagged(engine: Engine, image_id: str, name: str) -> Iterator[None]:
    """Give an image another name, and undo that when the block fails."""
    before = look_up(engine, name)
    tag(engine, image_id, name)
    try:
        yield
    except BaseException:
        if before is None:
            with engine_errors("untagging"):
                engine.api.remove_image(name, noprune=True)
        else:
            tag(engine, before.id, name)
        raise


# --- removing ------------------------------------------------------------------------------------


def used_by_containers(engine: Engine) -> frozenset[str]:
    """The ids of the images that a container was made of, also of one that has ended."""
    with engine_errors("listing the containers"):
        return frozenset(str(each["ImageID"]) for each in engine.api.containers(all=True))


def layers_size(engine: Engine) -> int:
    """The bytes that the layers of all images take, each layer counted once."""
    with engine_errors("reading the size of the images"):
        return int(engine.api.df().get("LayersSize") or 0)


def remove_if_unused(engine: Engine, image_id: str) -> bool:
    """Remove an image; False if it is in use, or gone."""
    with engine_errors("removing an image"):
        try:
            engine.api.remove_image(image_id)
        except docker.errors.APIError:
            return False
    return True


def remove(engine: Engine, image_id: str, names: Iterable[str]) -> None:
    """Remove an image with all of its names; what is gone already is removed."""
    for name in (*names, image_id):
        with engine_errors(f"removing {name}"), suppress(docker.errors.ImageNotFound):
            engine.api.remove_image(name)
