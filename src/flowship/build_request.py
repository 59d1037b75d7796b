"""Everything that a build needs, collected without a container engine.

`flowship check` needs no more than this, so nothing here imports docker-py.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from flowship import dockerfile
from flowship.config import files, pyproject
from flowship.config.names import module_of
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.events import Phase, Report
from flowship.prefect import versions
from flowship.project import context, local_requirements, modules, requirements
from flowship.project import layout as layouts
from flowship.project.context import Context
from flowship.project.entry import Entry, FileChangedError
from flowship.project.ignore import LeftOut
from flowship.project.layout import Layout
from flowship.project.requirements import Requirements
from flowship.redaction import mask_value

Result = TypeVar("Result")

FORMAT = "7"  # increase it when the same inputs give a different image or different labels


MOST_HASHES = 500
"""Files; of a larger project, a release does not say which ones its image is made of."""


@dataclass(frozen=True)
class BuildRequest:
    """What will be built.

    Attributes:
        settings: The project.
        dockerfile: The Dockerfile's text, rendered or the user's own.
        context: The files that are sent to the engine.
        requirements: The dependencies that the template installs, if any.
        layout: What the project includes, and what of it is installed.
        notes: What is not in the image although the user may expect it.
        warnings: What is probably wrong, but no reason to stop.
    """

    settings: Settings
    dockerfile: str
    context: Context
    requirements: Requirements | None = None
    layout: Layout = field(default_factory=Layout)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> frozenset[str]:
        """The files that are sent, relative to the flows folder of the image."""
        return frozenset(self._in_image(path) for path in self.context.paths)

    @property
    def left_out(self) -> dict[str, LeftOut]:
        """The files that are not sent, and why; also relative to the flows folder."""
        return {self._in_image(path): why for path, why in self.context.left_out.items()}

    def flow_source(self, entrypoint: str) -> tuple[str, Entry | None]:
        """The file of an entrypoint in the image, and in the context.

        Returns:
            Its path relative to the flows folder, "" for a module of which nothing is in the
            project; and its entry, None if it is not sent.
        """
        module = module_of(entrypoint)
        sent = {self._in_image(e.path): e for e in self.context.entries if e.kind == "file"}
        if not module:
            file = entrypoint.rpartition(":")[0]
            return file, sent.get(file)
        for place in modules.places(self.settings, self.layout, module):
            if place in sent:
                return place, sent[place]
        return "", None

    def input_hashes(self, bases: Mapping[str, str]) -> dict[str, str]:
        """Short hashes of what the image is made of, by which a plan says what changed.

        Args:
            bases: As for `digest`.

        Returns:
            A file's path in the image, a base image, or a setting such as ``build-args.PYTHON`` →
            12 digits; nothing if there are more than `MOST_HASHES` files.
        """
        entries = [*self.context.entries, *self.context.for_builder]
        entries = [each for each in entries if each.kind != "folder"]
        if len(entries) > MOST_HASHES:
            return {}
        settings = {f"build-args.{name}": value for name, value in self.settings.build_args.items()}
        settings["platform"] = self.settings.platform or ""
        open_values = {k: v for k, v in settings.items() if mask_value(v, k) == v}
        parts = {name: value.encode() for name, value in (open_values | dict(bases)).items()}
        for each in entries:
            with contextlib.suppress(FileChangedError):
                parts[self._in_image(each.path)] = each.identity
        return {name: hashlib.sha256(part).hexdigest()[:12] for name, part in parts.items()}

    def _in_image(self, path: str) -> str:
        return context.in_image(self.settings, path)

    def digest(self, bases: Mapping[str, str]) -> str:
        """The hash of all inputs, hexadecimal.

        It does not depend on which flows of the files are deployed.

        Args:
            bases: Base image reference → its fingerprint, the same in every engine.
        """
        inputs = {
            "format": FORMAT,
            "name": self.settings.name,  # it is in the labels
            "context": self.context.digest().hex(),
            "dockerfile": context.dockerfile_path(self.settings),
            "arguments": dict(self.settings.build_args),
            "bases": dict(bases),
            "platform": self.settings.platform,
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()

    @property
    def python(self) -> str:
        """The version of Python in the image, as its base says; empty if it does not."""
        base = dockerfile.final_base(self.dockerfile, self.settings.build_args)
        return dockerfile.python_version(base)


def prepare_build(settings: Settings) -> BuildRequest:
    """Collect what will be built from the project's files. Uses no engine.

    Raises:
        ConfigError: A file that the configuration names is missing, invalid or outside the project.
    """
    needed, code = None, Layout()
    if settings.dockerfile:
        layouts.validate_context(settings)
        text = _own_dockerfile(settings)
        sent = context.assemble(settings, text)
        warnings: tuple[str, ...] = ()
    else:
        needed = requirements.read(settings)
        code = layouts.layout(settings, requested=bool(needed and needed.names_project))
        needed = _completed(settings, needed, code)
        settings, warnings = _with_locked_prefect(settings, needed)
        _validate_template(settings)
        text = dockerfile.render(
            settings,
            dependencies=needed is not None,
            locked=needed if needed and needed.locked else None,
            layout=code,
        )
        sent = context.assemble(settings, text, needed, code)
        warnings += requirements.unused(settings, needed)
    return BuildRequest(
        settings,
        text,
        sent,
        needed,
        code,
        notes=(
            *requirements.notes(settings, needed),
            *context.notes(sent),
            *layouts.notes(settings, code),
        ),
        warnings=(*warnings, *context.warnings(sent)),
    )


def _completed(
    settings: Settings, needed: Requirements | None, code: Layout
) -> Requirements | None:
    """The requirements with those of the included packages; None if there are none at all."""
    if needed and needed.locked:
        return needed  # a lock lists what included packages need
    if needed is None and not code.local:
        return None
    local_requirements.refuse_absent(settings, needed.text if needed else "", code.local)
    text = local_requirements.completed(needed.text if needed else "", code.local)
    if not text:
        return None
    return replace(needed, text=text) if needed else Requirements(text, settings.include[0])


def _with_locked_prefect(
    settings: Settings, needed: Requirements | None
) -> tuple[Settings, tuple[str, ...]]:
    """The settings with the base image of the pinned Prefect, if none is configured.

    A configured one that has another version stays, with a warning: the installation replaces
    Prefect, and the image runs. For a line that a person wrote, the check warns with its place.
    """
    python = dockerfile.python_version(settings.base_image)
    pinned = needed.version_of("prefect", python) if needed else None
    if needed is None or pinned is None or settings.template:
        return settings, ()
    project = pyproject.read(settings.root / pyproject.NAME)
    fitting = versions.image_with(pinned, project.requires_python if project else "")
    if settings.base_is_default and fitting:
        return settings.model_copy(update={"base_image": fitting}), ()
    present = dockerfile.prefect_version(settings.base_image)  # "3" of a tag that says no more
    if not present or f"{pinned}.".startswith(f"{present}.") or not needed.locked:
        return settings, ()
    better = f'; base-image = "{fitting}" has it already' if fitting else ""
    warning = (
        f"{needed.source} pins Prefect {pinned}, but the base image has {present}: the installation"
        f" of the dependencies replaces it{better}"
    )
    return settings, (warning,)


def _validate_template(settings: Settings) -> None:
    """Refuse a template that is outside the project, a pipe or a device, or too large."""
    if settings.template:
        name, where = f"template: {settings.template}", settings.place("template")
        path = files.inside(settings.root, Path(settings.template), name, where=where)
        with contextlib.suppress(OSError):  # rendering explains a template that does not exist
            files.read_bytes(path)


def _own_dockerfile(settings: Settings) -> str:
    name = str(settings.dockerfile)
    where = settings.place("dockerfile")
    path = files.inside(settings.root, Path(name), f"dockerfile: {name}", where=where)
    try:
        return files.read_bytes(path).decode("utf-8-sig")
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConfigError(
            f"cannot read the Dockerfile {settings.dockerfile}: {reason}",
            code="unreadable-file",
            hint="fix dockerfile = … in the configuration, or remove it to use the template",
            where=where or str(path),
        ) from exc


# --- files that change ---------------------------------------------------------------------------

WAITS = (0.2, 1.0, 2.0)
"""Seconds before the files are read again; a file that changes after the last one is an error."""


def until_files_rest(
    request: BuildRequest, report: Report, work: Callable[[BuildRequest, bool], Result]
) -> Result:
    """Do `work` with a request; read the project again if one of its files changed meanwhile.

    Args:
        request: The first one to try.
        report: Receives the name of the file that changed.
        work: Given a request, and whether it is not the first.

    Raises:
        FileChangedError: A file changed each time.
    """
    for number, wait in enumerate(WAITS):
        try:
            return work(request, number > 0)
        except FileChangedError as exc:
            report(Phase(f"{Path(exc.where).name} changed while it was read: reading it again"))
        time.sleep(wait)  # after the message, which may itself go to a file of the project
        request = prepare_build(request.settings)
    return work(request, True)
