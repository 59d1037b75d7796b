"""The flows that the entrypoints name: whether the image can contain them. Runs no code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from flowship.build_request import BuildRequest
from flowship.config.discovery import find_flows
from flowship.config.names import module_of
from flowship.config.settings import FLOWS_DIR, Settings
from flowship.errors import ConfigError, nearest
from flowship.project import entry_function, entry_syntax, modules

if TYPE_CHECKING:
    from flowship.project.ignore import LeftOut


def refuse_missing_flow(*requests: BuildRequest) -> None:
    """Refuse projects whose entrypoints name a flow that no image can contain; runs no code.

    Only for flowship's own template, which copies the project as it is. Another Dockerfile can
    put the flow in its place in any way; the rule `flow-not-in-place` checks what can be known.

    Args:
        requests: What is to be built.

    Raises:
        ConfigError: The file or the function is missing, or Python cannot read the file. All
            entrypoints of which that is true are named.
    """
    errors = [(r.settings, e, exc) for r in requests for e, exc in _faults(r)]
    if len(errors) == 1:
        raise errors[0][2]
    if errors:
        raise _several(errors)


def _faults(request: BuildRequest) -> Iterator[tuple[str, ConfigError]]:
    """The entrypoints that cannot work in the template's image, each with its first fault."""
    settings = request.settings
    if _has_own_layers(settings):
        return
    same = request.python == entry_syntax.VERSION
    for entrypoint in settings.entrypoints:
        try:
            _refuse_missing(request, entrypoint)
            place, entry = request.flow_source(entrypoint)
            if same and entry and entry.source:
                entry_syntax.require(entry.source, place, is_module=bool(module_of(entrypoint)))
        except ConfigError as exc:
            yield entrypoint, exc


def _several(errors: Sequence[tuple[Settings, str, ConfigError]]) -> ConfigError:
    first = errors[0][2]
    blocks = (
        "\n".join(
            [f"{_deployments(settings, entrypoint)}: {each.message}"]
            + [f"  at {each.where}" for _ in [1] if each.where]
            + [f"  {line}" for line in each.details.splitlines()]
            + [f"  hint: {each.hint}" for _ in [1] if each.hint]
        )
        for settings, entrypoint, each in errors
    )
    return ConfigError(
        f"{len(errors)} entrypoints are wrong",
        code=first.code,
        hint="fix each of them as explained above",
        where=first.where,
        details="\n".join(blocks),
    )


def _deployments(settings: Settings, entrypoint: str) -> str:
    """The entrypoint with the deployments that use it: ``deployment "a" (f.py:f)``."""
    using = [f'"{n}"' for n, e in settings.deployed_entrypoints.items() if e == entrypoint]
    return f"deployment{'s' * (len(using) > 1)} {', '.join(using)} ({entrypoint})"


def _refuse_missing(request: BuildRequest, entrypoint: str) -> None:
    settings, file = request.settings, entrypoint.rpartition(":")[0]
    if _is_copied(file, settings):
        return
    if module_of(entrypoint):
        _refuse_missing_module(request, entrypoint)
        return
    parents = [file, *map(str, PurePosixPath(file).parents)]
    excluded = next((request.left_out[p] for p in parents if p in request.left_out), None)
    if file in request.files:
        entry_function.require(
            settings, entrypoint, file, settings.root / settings.file_of(entrypoint)
        )
    elif not (settings.root / settings.file_of(entrypoint)).exists():
        raise _file_not_found(settings, entrypoint)
    elif excluded:
        raise ConfigError(
            f"the flow would not be in the image: {settings.file_of(entrypoint)} is {excluded}",
            code="entrypoint-file-excluded",
            hint=entrypoint_hint(settings, entrypoint, request.left_out),
            where=settings.place_of_entrypoint(entrypoint),
        )


def _is_copied(file: str, settings: Settings) -> bool:
    """Whether an entry of `copy` can put the file into the flows folder."""
    target = PurePosixPath(FLOWS_DIR, file)
    return any(target.is_relative_to(destination) for destination in settings.copy_.values())


def _file_not_found(settings: Settings, entrypoint: str) -> ConfigError:
    found = [f"  {flow.entrypoint}" for flow in find_flows(settings.root)]
    return ConfigError(
        f"entrypoint file not found: {settings.file_of(entrypoint)}",
        code="entrypoint-file-not-found",
        hint=entrypoint_hint(settings, entrypoint, {}),
        where=settings.place_of_entrypoint(entrypoint),
        details="\n".join(["flows found in this project:", *found] if found else []),
    )


def _refuse_missing_module(request: BuildRequest, entrypoint: str) -> None:
    """Refuse a module of the project, or of what it includes, that is not in the image.

    A module of which nothing is here may come from a dependency: the probe knows.
    """
    settings, module = request.settings, module_of(entrypoint)
    place, entry = request.flow_source(entrypoint)
    if entry is not None:
        if entry.source is not None:
            entry_function.require(settings, entrypoint, place, entry.source)
        return
    known = modules.flow_modules(request.files, request.layout)
    near = nearest(module, known, cutoff=0.75)
    top = module.partition(".")[0]
    if not near and not any(name.partition(".")[0] == top for name in known):
        return
    name = entrypoint.rpartition(":")[2]
    places = modules.places(settings, request.layout, module)
    excluded = next((p for p in places if p in request.left_out), "")
    why = f": {excluded} is {request.left_out[excluded]}" if excluded else ""
    raise ConfigError(
        f"entrypoint: there is no module {module} in the project{why}",
        code="entrypoint-module-not-found",
        hint=f'did you mean entrypoint = "{near}:{name}"?' if near else "fix the entrypoint",
        where=settings.place_of_entrypoint(entrypoint),
    )


# --- whether Python can read them ----------------------------------------------------------------


def unread(request: BuildRequest) -> list[str]:
    """Warnings about flows that Python cannot read here, where the image may differ.

    If it has the same Python and the unchanged files, `refuse_missing_flow` refuses them.
    """
    settings, python = request.settings, request.python
    if python == entry_syntax.VERSION and not _has_own_layers(settings):
        return []
    entries = [request.flow_source(entrypoint)[1] for entrypoint in settings.entrypoints]
    errors = entry_syntax.errors([e.source for e in entries if e and e.source], python)
    return [f"{e.where}: {e.message}; {e.hint}" for e in errors]


def _has_own_layers(settings: Settings) -> bool:
    """Whether the project has a Dockerfile or a template of its own, which may change files."""
    return bool(settings.dockerfile or settings.template)


# --- advice ---------------------------------------------------------------------------------------


def entrypoint_hint(settings: Settings, entrypoint: str, left_out: Mapping[str, LeftOut]) -> str:
    """How to put the flow where the deployment looks for it, with the template."""
    file = entrypoint.rpartition(":")[0]
    parents = [file, *map(str, PurePosixPath(file).parents)]
    if why := next((left_out[path] for path in parents if path in left_out), None):
        return why.remedy(settings.file_of(entrypoint) if settings.image_folder else file)
    folder = f"{settings.folder_in_image}/" if settings.folder_in_image else ""
    flows = [folder + flow.entrypoint for flow in find_flows(settings.root)]
    close = nearest(entrypoint, flows)
    return f'did you mean entrypoint = "{close}"?' if close else "fix the entrypoint"
