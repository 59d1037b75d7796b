"""Builds an image, and reads what it says of itself; the engine's and a registry's alike.

Each function takes plain values and an `Engine`, tells its progress to a `Report`, and returns
a plain value. What docker-py raises, and the failures that the engine hides in its event
streams, leave this module as `flowship.errors`.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, Any

import docker.errors

from flowship import __version__, context, dockerfile, registry
from flowship.buildstream import BuildStream
from flowship.config import Settings
from flowship.engine import LABEL, Engine, auth, engine_errors, look_up, registry_errors
from flowship.errors import BuildError, ConfigError, EngineError
from flowship.events import Phase, Report, Transfer, readable_size, silent
from flowship.plan import Plan
from flowship.probe import ProbeResult
from flowship.probe_container import ask
from flowship.registry import Reference

LABEL_LINE = 30_000  # characters; quoted it may double, and be wider in UTF-8


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


def local_name(plan: Plan, inputs: str) -> str:
    """The name under which the image of these inputs is kept."""
    return f"{plan.settings.name}:{inputs[:12]}"


def inputs_of(engine: Engine, plan: Plan) -> str | None:
    """The hash of all inputs; None where the engine lacks a base image, whose id is one of them."""
    bases: dict[str, str] = {}
    for base in _bases(plan):
        found = look_up(engine, base)
        if found is None:
            return None
        bases[base] = found["Id"]
    return plan.digest(bases)


def find(engine: Engine, plan: Plan) -> BuiltImage | None:
    """The image that was built from the present inputs, if the engine has it."""
    inputs = inputs_of(engine, plan)
    return inspect(engine, local_name(plan, inputs)) if inputs else None


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


def _platform(found: Mapping[str, Any]) -> str:
    parts = [found.get("Os", "linux"), found.get("Architecture", ""), found.get("Variant", "")]
    return "/".join(part for part in parts if part)


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
    from flowship.registry.remote import describe

    target = Reference.parse(text)
    found = describe(target, registry.credentials(target))
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


@dataclass(frozen=True)
class BuildOptions:
    """How to build, as the flags say."""

    no_cache: bool = False
    probe: bool = True
    tags: tuple[str, ...] = field(default=())


def build(
    engine: Engine,
    plan: Plan,
    options: BuildOptions = BuildOptions(),
    report: Report = silent,
    elsewhere: Callable[[str], BuiltImage | None] = lambda inputs: None,
) -> BuiltImage:
    """Build, probe, label and tag; or find that nothing changed.

    The image gets its name last: what does not load its flow is never tagged.

    Args:
        engine: The container engine.
        plan: What to build.
        options: How.
        report: Told what is being done.
        elsewhere: Given the hash of all inputs, finds an image of them that another engine
            built; asked where this one has none.

    Raises:
        BuildError: A step failed, or the flow does not load in the image.
        RegistryError: A base image cannot be pulled.
        EngineError: The engine failed.
    """
    bases = {base: _base(engine, base, plan, report) for base in _bases(plan)}
    inputs = plan.digest(bases)
    name = local_name(plan, inputs)
    known = None if options.no_cache else inspect(engine, name)
    if known and (known.probe or not options.probe):
        _tag(engine, known.id, options.tags)
        return replace(known, tags=tuple(sorted({*known.tags, *options.tags})))
    found = None if known or options.no_cache else elsewhere(inputs)
    if found and (found.probe or not options.probe):
        return found
    labels = _labels(plan, inputs, bases, None)
    if not options.probe and not known and _is_ours(plan) and all(map(_one_line, labels.values())):
        # Nothing stands between the build and the name: one request to the engine does it.
        _run_build(engine, _with_labels(plan, labels), options, report, name)
    else:
        built = known.id if known else _run_build(engine, plan, options, report)
        answer = ask(engine, built, plan, report) if options.probe else None
        _label(engine, built, plan, _labels(plan, inputs, bases, answer), name)
    _tag(engine, name, options.tags)
    image = inspect(engine, name)
    assert image is not None, "the image was tagged one line above"
    return replace(image, unchanged=False)


def _bases(plan: Plan) -> list[str]:
    return dockerfile.base_images(plan.dockerfile, plan.settings.build_args)


def _base(engine: Engine, reference: str, plan: Plan, report: Report) -> str:
    """The base's image id, pulled when the engine lacks it or has it for another platform."""
    wanted = plan.settings.platform
    found = look_up(engine, reference)
    if found is None or (wanted and not f"{_platform(found)}/".startswith(f"{wanted}/")):
        report(Phase(f"pulling the base image {reference}"))
        _pull(engine, reference, wanted, report)
        found = look_up(engine, reference)
    if found is None:
        raise EngineError(f"the engine lost the base image {reference} after pulling it")
    return str(found["Id"])


def _pull(engine: Engine, reference: str, platform: str | None, report: Report) -> None:
    target = Reference.parse(reference)
    credentials = registry.credentials(target, use_environment=False)
    with registry_errors(target, "pull", credentials):
        for event in engine.api.pull(
            target.repository,
            tag=target.digest or target.tag or "latest",
            stream=True,
            decode=True,
            platform=platform,
            auth_config=auth(target, credentials),
        ):
            if event.get("error"):
                raise registry.translate(
                    event["error"], target, doing="pull", credentials=credentials
                )
            detail = event.get("progressDetail") or {}
            if "id" in event:
                sizes = detail.get("current") or 0, detail.get("total") or 0
                report(Transfer(event["id"], event["status"], *sizes))


def _is_ours(plan: Plan) -> bool:
    """Whether the Dockerfile is the shipped template's, without directives of its own."""
    return not plan.settings.dockerfile and not plan.settings.template


def _with_labels(plan: Plan, labels: Mapping[str, str]) -> Plan:
    text = plan.dockerfile + _label_instruction(labels)
    path = context.dockerfile_path(plan.settings)
    entries = tuple(
        replace(e, data=text.encode(), size=len(text.encode())) if e.path == path else e
        for e in plan.context.entries
    )
    return replace(plan, dockerfile=text, context=replace(plan.context, entries=entries))


def _run_build(
    engine: Engine, plan: Plan, options: BuildOptions, report: Report, name: str = ""
) -> str:
    files = len(plan.context.entries)
    report(Phase(f"sending {files} files ({readable_size(plan.context.size)}) to the engine"))
    stream = BuildStream(report)
    with tempfile.TemporaryFile() as archive, engine_errors("building"):
        plan.context.tar(archive)
        archive.seek(0)
        try:
            for event in _build_events(engine, plan, options, archive, name):
                stream.feed(event)
        except docker.errors.APIError as exc:
            if exc.status_code and exc.status_code < 500:
                stream.feed({"error": exc.explanation or str(exc)})
            raise
    if not stream.image_id:
        raise BuildError("the engine ended the build without an image")
    return stream.image_id


def _build_events(
    engine: Engine, plan: Plan, options: BuildOptions, archive: IO[bytes], name: str
) -> Iterator[dict[str, Any]]:
    """The engine's events. BuildKit only where the Dockerfile needs it: the classic builder
    is what every engine, Podman's too, has."""
    params: dict[str, Any] = {
        "dockerfile": context.dockerfile_path(plan.settings),
        "nocache": options.no_cache,
        "rm": True,
        "forcerm": True,
        "buildargs": json.dumps(dict(plan.settings.build_args)),
    }
    if name:
        params["t"] = name
    if plan.settings.platform:
        params["platform"] = plan.settings.platform
    if dockerfile.needs_buildkit(plan.dockerfile):
        params["version"] = "2"
    headers = {"Content-Type": "application/tar"}
    # docker-py's own build() has no way to ask for BuildKit, and does not look at the status.
    api = engine.api
    api._set_auth_headers(headers)
    response = api._post(
        api._url("/build"), data=archive, params=params, headers=headers, stream=True, timeout=None
    )
    try:
        api._raise_for_status(response)
        yield from api._stream_helper(response, decode=True)
    finally:
        response.close()  # the engine cancels the build when its reader goes away


def _labels(
    plan: Plan, inputs: str, bases: Mapping[str, str], answer: ProbeResult | None
) -> dict[str, str]:
    """Every label, empty ones too: one left out would be the base image's, which may be ours."""
    settings = plan.settings
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


def _label(engine: Engine, image_id: str, plan: Plan, labels: Mapping[str, str], name: str) -> None:
    """Give the image its labels and its name: a metadata-only step, no new layer.

    One LABEL for all: the engine's own ``labels`` makes a step, with a container, of each. Only
    what a line of a Dockerfile cannot hold, a line break or 64 kB, is left to it.
    """
    one_line = {key: value for key, value in labels.items() if _one_line(value)}
    text = io.BytesIO(f"FROM {image_id}\n{_label_instruction(one_line)}".encode())
    others = {key: value for key, value in labels.items() if key not in one_line}
    stream = BuildStream(silent)
    with engine_errors("labelling the image"):
        for event in engine.api.build(
            fileobj=text,
            labels=others,
            tag=name,
            rm=True,
            decode=True,
            platform=plan.settings.platform,
        ):
            stream.feed(event)


def _one_line(value: str) -> bool:
    return value.isprintable() and len(value) < LABEL_LINE


def _label_instruction(labels: Mapping[str, str]) -> str:
    words = [f"{key}={_quoted(value)}" for key, value in labels.items()]
    return "LABEL " + " \\\n      ".join(words) + "\n"


def _quoted(text: str) -> str:
    """`text` as one word of a Dockerfile."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", text) + '"'


def _tag(engine: Engine, image: str, tags: tuple[str, ...]) -> None:
    for tag in tags:
        target = Reference.parse(tag)
        with engine_errors(f"tagging {tag}"):
            engine.api.tag(image, target.repository, target.tag or "latest")
