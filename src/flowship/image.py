"""Builds an image, and reads the labels of one, in the engine or in a registry.

Each function takes plain values and an `Engine`, sends its progress to a `Report`, and returns
a plain value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flowship import __version__, dockerfile, registry
from flowship.build_request import BuildRequest, until_files_rest
from flowship.engine import transfer
from flowship.engine.builder import Builder, BuildOptions, ClassicBuilder, Finish
from flowship.engine.client import LABEL, Engine
from flowship.engine.images import EngineImage, look_up, tag, with_label
from flowship.errors import ConfigError, RegistryError
from flowship.events import Report, silent
from flowship.probe import flow_labels
from flowship.probe.container import probe_image
from flowship.probe.result import ProbeResult
from flowship.project.revision import revision
from flowship.registry import Reference

REVISION = "org.opencontainers.image.revision"
"""The label with the git revision."""

# --- the labels of an image ----------------------------------------------------------------------


@dataclass(frozen=True)
class BuiltImage:
    """An image that flowship built.

    Attributes:
        id: The engine's image id.
        reference: Its local name, ``<project>:<first 12 digits of the inputs hash>``; another
            name if the engine does not have it under that one.
        project: The name of the project that it was built for.
        inputs: The hash of all inputs, hexadecimal.
        platform: As "linux/amd64".
        size: Bytes, all layers.
        flows: The flows that were found in it, those that the project's deployments use first;
            empty if it was not probed.
        entrypoint: The first flow that it was built for.
        unchanged: Whether it existed before.
        tags: Every name it has in the engine.
        pushed: Names with digests: ``user/de-repo@sha256:…``. From the engine these are only a
            hint, since some image stores list one for every tag; see `flowship.push`.
        from_registry: Whether a registry described it, which makes `pushed` certain.
        revision: The git revision that it was built from; empty if there is none.
        files: `BuildRequest.input_hashes` where the project's files are at hand; else empty.
    """

    id: str
    reference: str
    project: str
    inputs: str
    platform: str
    size: int
    flows: tuple[ProbeResult, ...]
    entrypoint: str
    unchanged: bool = False
    tags: tuple[str, ...] = ()
    pushed: tuple[str, ...] = ()
    from_registry: bool = False
    revision: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def probe(self) -> ProbeResult | None:
        """The flow of `entrypoint`; None if it was not probed."""
        return next((flow for flow in self.flows if flow.entrypoint == self.entrypoint), None)

    def missing(self, entrypoints: Iterable[str]) -> tuple[str, ...]:
        """Those of some entrypoints that were not probed."""
        known = {flow.entrypoint for flow in self.flows}
        return tuple(each for each in entrypoints if each not in known)

    def used_by(self, entrypoints: Sequence[str]) -> BuiltImage:
        """The same image with the flows of these entrypoints only, in their order."""
        known = {flow.entrypoint: flow for flow in self.flows}
        flows = tuple(known[each] for each in entrypoints if each in known)
        return replace(self, flows=flows, entrypoint=entrypoints[0]) if flows else self


def local_name(request: BuildRequest, inputs: str) -> str:
    """The name of the image of these inputs in the engine."""
    return f"{request.settings.name}:{inputs[:12]}"


def inputs_of(engine: Engine, request: BuildRequest) -> str | None:
    """The hash of all inputs; None if the engine lacks a base image, which is one of them."""
    bases = fingerprints_of_bases(engine, request)
    return None if bases is None else request.digest(bases)


def fingerprints_of_bases(engine: Engine, request: BuildRequest) -> dict[str, str] | None:
    """Base image → its fingerprint; None if the engine lacks one."""
    bases: dict[str, str] = {}
    for base in _bases(request):
        found = look_up(engine, base)
        if found is None:
            return None
        bases[base] = found.fingerprint
    return bases


def find(engine: Engine, request: BuildRequest) -> BuiltImage | None:
    """The image that was built from the current inputs, if the engine has it."""
    inputs = inputs_of(engine, request)
    return inspect(engine, local_name(request, inputs)) if inputs else None


def inspect(engine: Engine, reference: str) -> BuiltImage | None:
    """An image that flowship built, by name or id; None if the engine does not have it.

    Raises:
        ConfigError: The image exists, but flowship did not build it.
    """
    found = look_up(engine, reference)
    return _in_engine(found, reference) if found else None


def of_revision(engine: Engine, project: str, commit: str) -> list[BuiltImage]:
    """The project's images in the engine that were built at a git revision, newest first.

    Args:
        engine: The engine.
        project: The project's name.
        commit: The beginning of its hash. An image of a changed work tree is not at it.
    """
    built = (
        _in_engine(found, found.tags[0] if found.tags else found.id)
        for found in with_label(engine, f"{LABEL}.project", project)
    )
    return [
        each
        for each in built
        if each.revision.startswith(commit) and not each.revision.endswith("-dirty")
    ]


def _in_engine(found: EngineImage, reference: str) -> BuiltImage:
    return _built(
        reference,
        found.labels,
        id=found.id,
        platform=found.platform,
        size=found.size,
        tags=found.tags,
        pushed=found.digests,
    )


def remote(target: Reference) -> BuiltImage:
    """An image that flowship built, as its registry describes it; nothing is pulled.

    Raises:
        RegistryError: The registry refuses, does not have it, or does not answer.
        ConfigError: flowship did not build it.
    """
    from flowship.registry.client import RegistryClient

    with RegistryClient(target.registry, registry.credentials_for(target)) as client:
        found = client.describe(target)
    return _built(
        str(target),
        found.labels,
        id=found.id,
        platform=found.platform,
        size=found.size,
        tags=(str(target.with_digest(None)),) if target.tag else (),
        pushed=(str(found.reference.with_tag(None)),),
        from_registry=True,
    )


def _built(reference: str, labels: Mapping[str, str], **known: Any) -> BuiltImage:  # noqa: ANN401
    """The image that these labels describe, whether an engine or a registry has them."""
    if f"{LABEL}.inputs" not in labels:
        raise ConfigError(
            f"{reference} was not built by flowship",
            code="image-not-built-by-flowship",
            hint="build it with `flowship build`, which writes the labels that describe its flows",
        )
    inputs = labels[f"{LABEL}.inputs"]
    project = labels.get(f"{LABEL}.project", "")
    name = f"{project}:{inputs[:12]}"
    return BuiltImage(
        reference=name if name in known["tags"] else reference,
        project=project,
        inputs=inputs,
        flows=flow_labels.read(labels),
        entrypoint=labels.get(f"{LABEL}.entrypoint", ""),
        revision=labels.get(REVISION, ""),
        unchanged=True,
        **known,
    )


def pinned(image: BuiltImage, repository: str | None) -> str | None:
    """The first of `pinned_names`; None if there is none."""
    return next(pinned_names(image, repository), None)


def pinned_names(image: BuiltImage, repository: str | None) -> Iterator[str]:
    """The names with digests that `image` lists, as ``repo:tag@sha256:…``.

    Args:
        image: As the engine or a registry describes it.
        repository: Only in this repository, and under its tag if it has that; None: in any.
    """
    if repository and re.fullmatch(r"(sha256:)?[0-9a-f]{64}", repository):  # an image id
        return
    wanted = Reference.parse(repository) if repository else None
    for name in image.pushed:
        known = Reference.parse(name)
        if known.digest and (wanted is None or wanted.repository == known.repository):
            shown = _tag_of(image, known, wanted)
            yield str(known.with_tag(shown) if shown else known)


def _tag_of(image: BuiltImage, known: Reference, wanted: Reference | None) -> str | None:
    """Which of its tags in a repository to show: the requested one, else the default one, so
    that further tags do not change the answer."""
    tags = [t.tag for t in map(Reference.parse, image.tags) if t.repository == known.repository]
    preferred = (wanted.tag if wanted else None, image.inputs[:12], *tags)
    return next((each for each in preferred if each in tags), None)


# --- build ---------------------------------------------------------------------------------------


def build(
    engine: Engine,
    request: BuildRequest,
    options: BuildOptions,
    report: Report = silent,
    elsewhere: Callable[[str], BuiltImage | None] = lambda inputs: None,
    builder: Builder | None = None,
) -> BuiltImage:
    """Build, probe, label and name an image, unless there is one of these inputs.

    The image gets its name last, so an image whose flow does not load has none.

    Args:
        engine: The container engine.
        request: What to build.
        options: How to build it.
        report: Receives the progress.
        elsewhere: Given the hash of all inputs, returns an image of them that another engine
            pushed; it comes before this engine's own, so that all machines deploy the same one.
        builder: Builds the image; the engine's own builder by default.

    Raises:
        BuildError: A step failed, or the flow does not load in the image.
        RegistryError: A base image cannot be pulled.
        EngineError: The engine failed.
    """
    with_builder = builder or ClassicBuilder(engine)

    def work(current: BuildRequest, again: bool) -> BuiltImage:
        # No other engine has built what has just changed.
        ask = (lambda inputs: None) if again else elsewhere
        return _build(engine, current, options, report, ask, with_builder)

    return until_files_rest(request, report, work)


def _build(
    engine: Engine,
    request: BuildRequest,
    options: BuildOptions,
    report: Report,
    elsewhere: Callable[[str], BuiltImage | None],
    builder: Builder,
) -> BuiltImage:
    settings = request.settings
    bases = {base: builder.identify(base, settings.platform, report) for base in _bases(request)}
    made = _from_inputs(engine, request, options, report, elsewhere, builder, bases)
    return replace(made, files=request.input_hashes(bases))


def _from_inputs(
    engine: Engine,
    request: BuildRequest,
    options: BuildOptions,
    report: Report,
    elsewhere: Callable[[str], BuiltImage | None],
    builder: Builder,
    bases: Mapping[str, str],
) -> BuiltImage:
    settings = request.settings
    inputs = request.digest(bases)
    name = local_name(request, inputs)
    known = None if options.no_cache else inspect(engine, name)
    found = None if options.no_cache else elsewhere(inputs)
    if found and _is_enough(found, request, options):
        return found.used_by(settings.entrypoints)
    if known and _is_enough(known, request, options):
        return _with_tags(engine, known.used_by(settings.entrypoints), options.tags)
    if found and options.probe and not known:
        known = _fetched(engine, found, request, report)
    if options.probe:
        built = known.id if known else builder.build(request, report, no_cache=options.no_cache)
        flows = known.flows if known else ()
        wanted = known.missing(settings.entrypoints) if known else settings.entrypoints
        answers = (*flows, *probe_image(engine, built, request, report, wanted))
        labels = _labels(request, inputs, bases, answers)
        builder.label(built, Finish(labels, name), settings.platform)
    else:
        finish = Finish(_labels(request, inputs, bases, ()), name)
        builder.build(request, report, no_cache=options.no_cache, finish=finish)
    image = inspect(engine, name)
    assert image is not None, "the builder named the image just above"
    image = image.used_by(settings.entrypoints)
    return replace(_with_tags(engine, image, options.tags), unchanged=False)


def _fetched(
    engine: Engine, found: BuiltImage, request: BuildRequest, report: Report
) -> BuiltImage | None:
    """An image that another engine built, pulled so that the flows it lacks can be probed here.

    None if it cannot be used for that: then it is built.
    """
    if not found.flows or found.platform != (request.settings.platform or engine.platform):
        return None
    if not found.from_registry:
        return found
    name = found.pushed[0]
    try:
        transfer.pull(engine, name, None, report, use_environment=True)
    except RegistryError:
        return None
    return inspect(engine, name)


def _is_enough(image: BuiltImage, request: BuildRequest, options: BuildOptions) -> bool:
    """Whether an existing image can be used: one with a flow that was not probed is probed."""
    return not options.probe or not image.missing(request.settings.entrypoints)


def _with_tags(engine: Engine, image: BuiltImage, names: tuple[str, ...]) -> BuiltImage:
    for name in names:
        tag(engine, image.id, name)
    return replace(image, tags=tuple(sorted({*image.tags, *names})))


def _bases(request: BuildRequest) -> list[str]:
    return dockerfile.base_images(request.dockerfile, request.settings.build_args)


def _labels(
    request: BuildRequest, inputs: str, bases: Mapping[str, str], flows: Sequence[ProbeResult]
) -> dict[str, str]:
    """Every label, empty ones too: without it the image would inherit that of its base image,
    which may be one of flowship's own."""
    settings = request.settings
    return {
        "org.opencontainers.image.title": settings.name,
        "org.opencontainers.image.version": inputs[:12],
        "org.opencontainers.image.base.name": list(bases)[-1] if bases else "",
        "org.opencontainers.image.description": _description(flows),
        REVISION: revision(settings.root),
        f"{LABEL}.project": settings.name,
        f"{LABEL}.inputs": inputs,
        f"{LABEL}.entrypoint": settings.entrypoints[0],
        f"{LABEL}.version": __version__,
        **flow_labels.write(flows),
    }


def _description(flows: Sequence[ProbeResult]) -> str:
    if len(flows) == 1:
        return (flows[0].description or "").strip()
    return f"{len(flows)} flows" if flows else ""
