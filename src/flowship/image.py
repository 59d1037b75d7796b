"""Builds an image, and reads what it says of itself; the engine's and a registry's alike.

Each function takes plain values and an `Engine`, tells its progress to a `Report`, and returns
a plain value. What docker-py raises, and the failures that the engine hides in its event
streams, leave this module as `flowship.errors`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowship import __version__, dockerfile, registry
from flowship.config.settings import Settings
from flowship.engine.builder import (
    BuildOptions,
    _base,
    _is_ours,
    _label,
    _one_line,
    _platform,
    _run_build,
    _tag,
    _with_labels,
)
from flowship.engine.client import LABEL, Engine, look_up
from flowship.errors import ConfigError
from flowship.events import Report, silent
from flowship.probe.container import probe_image
from flowship.probe.result import ProbeResult
from flowship.project.build_request import BuildRequest
from flowship.registry import Reference

# --- what an image says --------------------------------------------------------------------------


@dataclass(frozen=True)
class BuiltImage:
    """An image in the engine.

    Attributes:
        id: The engine's image id.
        reference: Its local name, ``<project>:<first 12 digits of the inputs' hash>``; another
            where the engine does not have it under that one.
        project: The name of the project that it was built for.
        inputs: The hash of all inputs, hexadecimal.
        platform: As "linux/amd64".
        size: Bytes, all layers.
        probe: What its flow says of itself; None when it was not asked.
        entrypoint: The flow it was built for.
        unchanged: Whether it was there already.
        tags: Every name it has in the engine.
        pushed: Names with digests, as registries know it: ``user/de-repo@sha256:…``.
    """

    id: str
    reference: str
    project: str
    inputs: str
    platform: str
    size: int
    probe: ProbeResult | None
    entrypoint: str
    unchanged: bool = False
    tags: tuple[str, ...] = ()
    pushed: tuple[str, ...] = ()


def local_name(request: BuildRequest, inputs: str) -> str:
    """The name under which the image of these inputs is kept."""
    return f"{request.settings.name}:{inputs[:12]}"


def inputs_of(engine: Engine, request: BuildRequest) -> str | None:
    """The hash of all inputs; None where the engine lacks a base image, whose id is one of them."""
    bases: dict[str, str] = {}
    for base in _bases(request):
        found = look_up(engine, base)
        if found is None:
            return None
        bases[base] = found["Id"]
    return request.digest(bases)


def find(engine: Engine, request: BuildRequest) -> BuiltImage | None:
    """The image that was built from the present inputs, if the engine has it."""
    inputs = inputs_of(engine, request)
    return inspect(engine, local_name(request, inputs)) if inputs else None


def inspect(engine: Engine, reference: str) -> BuiltImage | None:
    """An image that flowship built, by name or id; None when the engine has no such image.

    Raises:
        ConfigError: The image is there, but flowship did not build it.
    """
    found = look_up(engine, reference)
    if found is None:
        return None
    return _built(
        reference,
        found["Config"].get("Labels") or {},
        id=found["Id"],
        platform=_platform(found),
        size=found["Size"],
        tags=tuple(sorted(found.get("RepoTags") or ())),
        pushed=tuple(sorted(found.get("RepoDigests") or ())),
    )


def _built(reference: str, labels: Mapping[str, str], **known: Any) -> BuiltImage:  # noqa: ANN401
    """What the labels say, whoever read them: the engine, or a registry."""
    if f"{LABEL}.inputs" not in labels:
        raise ConfigError(
            f"{reference} was not built by flowship",
            hint="`flowship build` asks the image for its flow and writes the answer into it",
        )
    answer = labels.get(f"{LABEL}.probe")
    inputs = labels[f"{LABEL}.inputs"]
    project = labels.get(f"{LABEL}.project", "")
    name = f"{project}:{inputs[:12]}"
    return BuiltImage(
        reference=name if name in known["tags"] else reference,
        project=project,
        inputs=inputs,
        probe=ProbeResult.from_json(answer) if answer else None,
        entrypoint=labels.get(f"{LABEL}.entrypoint", ""),
        unchanged=True,
        **known,
    )


def pinned(image: BuiltImage, repository: str | None) -> str | None:
    """How a registry knows `image`: ``repo:tag@sha256:…``; None when it was never pushed.

    Args:
        image: As the engine has it.
        repository: In this repository, and under its tag where it has that; None: in any.
    """
    if repository and re.fullmatch(r"(sha256:)?[0-9a-f]{64}", repository):  # an image's id
        return None
    wanted = Reference.parse(repository) if repository else None
    for name in image.pushed:
        known = Reference.parse(name)
        if known.digest and (wanted is None or wanted.repository == known.repository):
            tag = _tag_of(image, known, wanted)
            return str(known.with_tag(tag) if tag else known)
    return None


def _tag_of(image: BuiltImage, known: Reference, wanted: Reference | None) -> str | None:
    """Of its tags in a repository the one that is asked for, else that of a push without one:
    the same at every call, whatever further tags somebody gives the image."""
    tags = [t.tag for t in map(Reference.parse, image.tags) if t.repository == known.repository]
    liked = (wanted.tag if wanted else None, image.inputs[:12], *tags)
    return next((tag for tag in liked if tag in tags), None)


def remote(text: str) -> BuiltImage:
    """An image that flowship built, as its registry describes it; nothing is pulled.

    Raises:
        RegistryError: The registry refuses, does not know it, or does not answer.
        ConfigError: flowship did not build it.
    """
    from flowship.registry.client import describe

    target = Reference.parse(text)
    found = describe(target, registry.credentials_for(target))
    return _built(
        text,
        found.labels,
        id=found.id,
        platform=found.platform,
        size=found.size,
        tags=(str(target.with_digest(None)),) if target.tag else (),
        pushed=(str(found.reference.with_tag(None)),),
    )


# --- build ---------------------------------------------------------------------------------------


def build(
    engine: Engine,
    request: BuildRequest,
    options: BuildOptions,
    report: Report = silent,
    elsewhere: Callable[[str], BuiltImage | None] = lambda inputs: None,
) -> BuiltImage:
    """Build, probe, label and tag; or find that nothing changed.

    The image gets its name last: what does not load its flow is never tagged.

    Args:
        engine: The container engine.
        request: What to build.
        options: How.
        report: Told what is being done.
        elsewhere: Given the hash of all inputs, finds an image of them that another engine
            built; asked where this one has none.

    Raises:
        BuildError: A step failed, or the flow does not load in the image.
        RegistryError: A base image cannot be pulled.
        EngineError: The engine failed.
    """
    bases = {base: _base(engine, base, request, report) for base in _bases(request)}
    inputs = request.digest(bases)
    name = local_name(request, inputs)
    known = None if options.no_cache else inspect(engine, name)
    if known and (known.probe or not options.probe):
        _tag(engine, known.id, options.tags)
        return replace(known, tags=tuple(sorted({*known.tags, *options.tags})))
    found = None if known or options.no_cache else elsewhere(inputs)
    if found and (found.probe or not options.probe):
        return found
    labels = _labels(request, inputs, bases, None)
    if (
        not options.probe
        and not known
        and _is_ours(request)
        and all(map(_one_line, labels.values()))
    ):
        # Nothing stands between the build and the name: one request to the engine does it.
        _run_build(engine, _with_labels(request, labels), options, report, name)
    else:
        built = known.id if known else _run_build(engine, request, options, report)
        answer = probe_image(engine, built, request, report) if options.probe else None
        _label(engine, built, request, _labels(request, inputs, bases, answer), name)
    _tag(engine, name, options.tags)
    image = inspect(engine, name)
    assert image is not None, "the image was tagged one line above"
    return replace(image, unchanged=False)


def _bases(request: BuildRequest) -> list[str]:
    return dockerfile.base_images(request.dockerfile, request.settings.build_args)


def _labels(
    request: BuildRequest, inputs: str, bases: Mapping[str, str], answer: ProbeResult | None
) -> dict[str, str]:
    """Every label, empty ones too: one left out would be the base image's, which may be ours."""
    settings = request.settings
    return {
        "org.opencontainers.image.title": settings.name,
        "org.opencontainers.image.version": inputs[:12],
        "org.opencontainers.image.base.name": list(bases)[-1] if bases else "",
        "org.opencontainers.image.description": ((answer and answer.description) or "").strip(),
        "org.opencontainers.image.revision": _revision(settings),
        f"{LABEL}.project": settings.name,
        f"{LABEL}.inputs": inputs,
        f"{LABEL}.entrypoint": settings.entrypoint,
        f"{LABEL}.version": __version__,
        f"{LABEL}.probe": answer.to_json() if answer else "",
    }


def _revision(settings: Settings) -> str:
    """The git revision of the project, with "-dirty" when files differ; empty without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    try:
        done = subprocess.run(
            command, cwd=settings.root, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
