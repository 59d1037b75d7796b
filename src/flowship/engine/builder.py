"""Builds images: what a builder can do, and the classic engine API as the first one."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, Any, Protocol

import docker.errors

from flowship import dockerfile
from flowship.build_request import BuildRequest
from flowship.engine import transfer
from flowship.engine.build_stream import BuildStream
from flowship.engine.client import Engine
from flowship.engine.errors import engine_errors
from flowship.engine.images import look_up
from flowship.errors import BuildError, EngineError
from flowship.events import Phase, Report, readable_size, silent
from flowship.project import context

LABEL_LINE = 30_000  # characters; quoted it may double, and be wider in UTF-8


@dataclass(frozen=True)
class BuildOptions:
    """How to build, as the flags say."""

    no_cache: bool = False
    probe: bool = True
    tags: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Finish:
    """What turns a build into an image that flowship knows: its labels and its name."""

    labels: Mapping[str, str]
    name: str


class Builder(Protocol):
    """What the build step needs. All image ids are the engine's."""

    def identify(self, base: str, platform: str | None, report: Report) -> str:
        """The fingerprint of a base image, which is pulled if necessary."""

    def build(
        self,
        request: BuildRequest,
        report: Report,
        *,
        no_cache: bool = False,
        finish: Finish | None = None,
    ) -> str:
        """Build the request, with labels and a name if `finish` has them; returns the id."""

    def label(self, image_id: str, finish: Finish, platform: str | None) -> None:
        """Give a built image labels and a name, without a new layer."""


@dataclass(frozen=True)
class ClassicBuilder:
    """Builds with the engine's own build API, which Podman has as well."""

    engine: Engine

    def identify(self, base: str, platform: str | None, report: Report) -> str:
        """The base's fingerprint; pulled if missing, or there for another platform.

        Raises:
            RegistryError: The base cannot be pulled.
        """
        found = look_up(self.engine, base)
        if found is None or (platform and not f"{found.platform}/".startswith(f"{platform}/")):
            report(Phase(f"pulling the base image {base}"))
            transfer.pull(self.engine, base, platform, report)
            found = look_up(self.engine, base)
        if found is None:
            raise EngineError(f"the base image {base} is missing after the pull")
        return found.fingerprint

    def build(
        self,
        request: BuildRequest,
        report: Report,
        *,
        no_cache: bool = False,
        finish: Finish | None = None,
    ) -> str:
        """Send the context and build; see `Builder.build`.

        Raises:
            BuildError: A step failed.
            EngineError: The engine failed.
        """
        name = ""
        if finish and _may_append(request, finish.labels):
            request, name = _with_labels(request, finish.labels), finish.name
        image_id = self._run(request, report, no_cache, name)
        if finish and not name:
            self.label(image_id, finish, request.settings.platform)
        return image_id

    def label(self, image_id: str, finish: Finish, platform: str | None) -> None:
        """Add the labels and the name in a metadata-only step, without a new layer.

        One LABEL instruction holds all of them: with the engine's own ``labels`` parameter each
        is a step with a container of its own. That parameter is only used for what a line of a
        Dockerfile cannot hold, a line break or 64 kB.
        """
        one_line = {key: value for key, value in finish.labels.items() if _one_line(value)}
        text = io.BytesIO(f"FROM {image_id}\n{_label_instruction(one_line)}".encode())
        others = {key: value for key, value in finish.labels.items() if key not in one_line}
        stream = BuildStream(silent)
        with engine_errors("labeling the image"):
            for event in self.engine.api.build(
                fileobj=text,
                labels=others,
                tag=finish.name,
                rm=True,
                decode=True,
                platform=platform,
            ):
                stream.feed(event)

    def _run(self, request: BuildRequest, report: Report, no_cache: bool, name: str) -> str:
        size = readable_size(request.context.size)
        stream = BuildStream(report)
        with tempfile.TemporaryFile() as archive, engine_errors("building"):
            request.context.tar(archive)
            archive.seek(0)
            # Not earlier: the message itself may go to a file of the project, through `tee`.
            report(Phase(f"sending {len(request.context.entries)} files ({size}) to the engine"))
            try:
                for event in self._events(request, archive, no_cache, name):
                    stream.feed(event)
            except docker.errors.APIError as exc:
                if exc.status_code and exc.status_code < 500:
                    stream.feed({"error": exc.explanation or str(exc)})
                raise
        if not stream.image_id:
            raise BuildError("the build finished, but the engine returned no image")
        return stream.image_id

    def _events(
        self, request: BuildRequest, archive: IO[bytes], no_cache: bool, name: str
    ) -> Iterator[dict[str, Any]]:
        params = _parameters(request, no_cache, name)
        headers = {"Content-Type": "application/tar"}
        # docker-py's own build() cannot ask for BuildKit, and does not check the status.
        api = self.engine.api
        api._set_auth_headers(headers)
        response = api._post(
            api._url("/build"),
            data=archive,
            params=params,
            headers=headers,
            stream=True,
            timeout=None,
        )
        try:
            api._raise_for_status(response)
            yield from api._stream_helper(response, decode=True)
        finally:
            response.close()  # the engine cancels a build when its client disconnects


def _parameters(request: BuildRequest, no_cache: bool, name: str) -> dict[str, Any]:
    """The query of ``POST /build``. BuildKit is used only if the Dockerfile needs it: every
    engine has the classic builder, Podman included."""
    settings = request.settings
    params: dict[str, Any] = {
        "dockerfile": context.dockerfile_path(settings),
        "nocache": no_cache,
        "rm": True,
        "forcerm": True,
        "buildargs": json.dumps(dict(settings.build_args)),
    }
    if name:
        params["t"] = name
    if settings.platform:
        params["platform"] = settings.platform
    if dockerfile.needs_buildkit(request.dockerfile):
        params["version"] = "2"
    return params


# --- labels --------------------------------------------------------------------------------------


def _may_append(request: BuildRequest, labels: Mapping[str, str]) -> bool:
    """Whether a LABEL at the end of the Dockerfile does it, which saves a request: only in the
    shipped template, which is known to have no directives or open stages of its own."""
    shipped = not request.settings.dockerfile and not request.settings.template
    return shipped and all(map(_one_line, labels.values()))


def _with_labels(request: BuildRequest, labels: Mapping[str, str]) -> BuildRequest:
    text = request.dockerfile + _label_instruction(labels)
    path = context.dockerfile_path(request.settings)
    entries = tuple(
        replace(e, data=text.encode(), size=len(text.encode())) if e.path == path else e
        for e in request.context.entries
    )
    return replace(request, dockerfile=text, context=replace(request.context, entries=entries))


def _one_line(value: str) -> bool:
    return value.isprintable() and len(value) < LABEL_LINE


def _label_instruction(labels: Mapping[str, str]) -> str:
    words = [f"{key}={_quoted(value)}" for key, value in labels.items()]
    return "LABEL " + " \\\n      ".join(words) + "\n"


def _quoted(text: str) -> str:
    """`text` as one word of a Dockerfile."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", text) + '"'
