"""Builds on the classic engine API."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, Any

import docker.errors

from flowship import dockerfile, registry
from flowship.engine.build_stream import BuildStream
from flowship.engine.client import Engine, auth, engine_errors, look_up, registry_errors
from flowship.errors import BuildError, EngineError
from flowship.events import Phase, Report, Transfer, readable_size, silent
from flowship.project import context
from flowship.project.build_request import BuildRequest
from flowship.registry import Reference

LABEL_LINE = 30_000  # characters; quoted it may double, and be wider in UTF-8


def _platform(found: Mapping[str, Any]) -> str:
    parts = [found.get("Os", "linux"), found.get("Architecture", ""), found.get("Variant", "")]
    return "/".join(part for part in parts if part)


@dataclass(frozen=True)
class BuildOptions:
    """How to build, as the flags say."""

    no_cache: bool = False
    probe: bool = True
    tags: tuple[str, ...] = field(default=())


def _base(engine: Engine, reference: str, request: BuildRequest, report: Report) -> str:
    """The base's image id, pulled when the engine lacks it or has it for another platform."""
    wanted = request.settings.platform
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
    credentials = registry.credentials_for(target, use_environment=False)
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


def _is_ours(request: BuildRequest) -> bool:
    """Whether the Dockerfile is the shipped template's, without directives of its own."""
    return not request.settings.dockerfile and not request.settings.template


def _with_labels(request: BuildRequest, labels: Mapping[str, str]) -> BuildRequest:
    text = request.dockerfile + _label_instruction(labels)
    path = context.dockerfile_path(request.settings)
    entries = tuple(
        replace(e, data=text.encode(), size=len(text.encode())) if e.path == path else e
        for e in request.context.entries
    )
    return replace(request, dockerfile=text, context=replace(request.context, entries=entries))


def _run_build(
    engine: Engine, request: BuildRequest, options: BuildOptions, report: Report, name: str = ""
) -> str:
    files = len(request.context.entries)
    report(Phase(f"sending {files} files ({readable_size(request.context.size)}) to the engine"))
    stream = BuildStream(report)
    with tempfile.TemporaryFile() as archive, engine_errors("building"):
        request.context.tar(archive)
        archive.seek(0)
        try:
            for event in _build_events(engine, request, options, archive, name):
                stream.feed(event)
        except docker.errors.APIError as exc:
            if exc.status_code and exc.status_code < 500:
                stream.feed({"error": exc.explanation or str(exc)})
            raise
    if not stream.image_id:
        raise BuildError("the engine ended the build without an image")
    return stream.image_id


def _build_events(
    engine: Engine, request: BuildRequest, options: BuildOptions, archive: IO[bytes], name: str
) -> Iterator[dict[str, Any]]:
    """The engine's events. BuildKit only where the Dockerfile needs it: the classic builder
    is what every engine, Podman's too, has."""
    params: dict[str, Any] = {
        "dockerfile": context.dockerfile_path(request.settings),
        "nocache": options.no_cache,
        "rm": True,
        "forcerm": True,
        "buildargs": json.dumps(dict(request.settings.build_args)),
    }
    if name:
        params["t"] = name
    if request.settings.platform:
        params["platform"] = request.settings.platform
    if dockerfile.needs_buildkit(request.dockerfile):
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


def _label(
    engine: Engine, image_id: str, request: BuildRequest, labels: Mapping[str, str], name: str
) -> None:
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
            platform=request.settings.platform,
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
