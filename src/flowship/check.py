"""The check step: find what would make the scheduled run fail, before anything is built."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from flowship import dockerfile
from flowship.build_request import BuildRequest, prepare_build
from flowship.config import files, rewriting
from flowship.config.discovery import find_flows
from flowship.config.loading import load, settings_or_none
from flowship.config.names import module_of
from flowship.config.settings import FLOWS_DIR, Settings
from flowship.dockerfile import Facts, Finding, Severity
from flowship.errors import ConfigError, EngineError, UsageError
from flowship.project import context, entry_function, modules, requirement_rules
from flowship.registry.target import push_target

if TYPE_CHECKING:
    from flowship.engine.client import Engine
    from flowship.project.ignore import LeftOut


@dataclass(frozen=True)
class Checked:
    """A Dockerfile and its findings.

    Attributes:
        name: What to call it: the path of the file, or the name of the template.
        text: The text that was checked.
        findings: Sorted by position.
        facts: What was known besides the text, so that a fixed text can be checked again.
        path: The user's own file; None for a rendered Dockerfile.
        warnings: Warnings about the configuration.
        notes: Notes about the configuration, such as which one is used.
        fixed: How many fixes were applied.
        image: What the image is called; empty for a file of no project.
    """

    name: str
    text: str
    findings: tuple[Finding, ...]
    facts: Facts
    path: Path | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fixed: int = 0
    image: str = ""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a build."""
        return tuple(finding for finding in self.findings if finding.is_blocking)

    @property
    def fixable(self) -> tuple[Finding, ...]:
        """The findings that `fix` can fix: those with an edit, in the user's own file."""
        return tuple(f for f in self.findings if f.edit) if self.path else ()


# --- what to check -------------------------------------------------------------------------------


def check_build(request: BuildRequest, engine: Engine | None = None) -> Checked:
    """Check the Dockerfile of a build, with everything that is known about the project.

    Raises:
        ConfigError: A requirement cannot work in the image.
    """
    settings = request.settings
    own = settings.root / settings.dockerfile if settings.dockerfile else None
    if own:
        lists = requirement_rules.files_of_dockerfile(request.dockerfile, request.context.paths)
    else:
        lists = [request.requirements.source] if request.requirements else []
    replaced = _validate_requirements(settings.root, lists, request.dockerfile, settings)
    facts = Facts(
        context=request.context,
        project_folder="" if own else context.PROJECT,
        entrypoints=_flows_in_place(request),
        flows_dir=FLOWS_DIR,
        build_args=settings.build_args,
        ignore=frozenset(settings.check.ignore),
        severities=_severities(settings),
    )
    findings, facts = _check(request.dockerfile, facts, engine)
    if own is None:
        findings = list(_with_template_help(findings, request))
    rendered = f"rendered for {settings.label}" if settings.whole else "rendered"
    name = os.path.relpath(own) if own else f"{settings.template or 'Dockerfile.j2'} ({rendered})"
    return Checked(
        name,
        request.dockerfile,
        tuple(findings),
        facts,
        own,
        (*settings.warnings, *request.warnings, *replaced),
        (*settings.notes, *request.notes),
        image=settings.label,
    )


def check_project(
    folder: Path,
    environment: str | None = None,
    choose: Callable[[Settings], Sequence[Settings]] = Settings.per_image,
) -> tuple[Checked, ...]:
    """Check the project in `folder`, or its Dockerfile if there is no configuration.

    Args:
        folder: The project's.
        environment: The environment to apply.
        choose: Returns the settings of the images to check.

    Raises:
        ConfigError: The configuration is invalid, including its schedules and block values, or
            the entrypoint's flow does not exist.
    """
    from flowship.deployment.desired import Flags
    from flowship.deployment.draft import draft

    dockerfile_only = folder / "Dockerfile"
    settings = settings_or_none(folder, environment)
    if settings is None and dockerfile_only.is_file():
        return (check_file(Path(os.path.relpath(dockerfile_only)), None),)
    settings = settings or load(folder)
    validate_names(settings)
    draft(settings, Flags())
    requests = [prepare_build(each) for each in choose(settings)]
    for request in requests:
        refuse_missing_flow(request)
    first, *others = map(check_build, requests)
    if settings.images:  # the texts about the project come only once
        warnings, notes = (*settings.warnings, *first.warnings), (*settings.notes, *first.notes)
        first = replace(first, warnings=warnings, notes=notes)
    return (first, *others)


def check_file(path: Path, settings: Settings | None) -> Checked:
    """Check one Dockerfile, with the settings of the project if there are any.

    Raises:
        ConfigError: The file cannot be read, or is a link out of the project; or a requirement
            that it installs cannot work.
    """
    settings = settings and _of_dockerfile(settings, path)
    root = settings.root if settings else path.parent
    place = Path(os.path.realpath(path.parent), path.name)
    if place.is_relative_to(os.path.realpath(root)):  # else the user named it on purpose
        files.inside(root.resolve(), place, str(path))
    text = _read(path)
    context_root = settings.context_root if settings else root
    relative = os.path.relpath(path.resolve(), context_root.resolve())
    facts = Facts(
        context=context.scan(
            context_root,
            dockerfile=None if relative.startswith("..") else relative,
            use_gitignore=settings.gitignore if settings else True,
            project=settings.folder_in_context if settings else "",
        ),
        entrypoints=tuple(e for e in settings.entrypoints if not module_of(e)) if settings else (),
        build_args=settings.build_args if settings else {},
        ignore=frozenset(settings.check.ignore) if settings else frozenset(),
        severities=_severities(settings) if settings else {},
    )
    sent = facts.context.paths if facts.context else ()
    lists = requirement_rules.files_of_dockerfile(text, sent)
    replaced = _validate_requirements(root, lists, text, settings)
    findings, facts = _check(text, facts, None)
    warnings = (*(settings.warnings if settings else ()), *replaced)
    return Checked(str(path), text, tuple(findings), facts, path, warnings)


def _of_dockerfile(project: Settings, path: Path) -> Settings:
    """The settings of the image that is built with this file, if the project has several."""
    for settings in project.per_image():
        if (
            settings.dockerfile
            and (settings.root / settings.dockerfile).resolve() == path.resolve()
        ):
            return settings
    return project


def _flows_in_place(request: BuildRequest) -> tuple[str, ...]:
    """The entrypoints as files; not those of modules that the Dockerfile may put anywhere."""
    settings = request.settings
    found = []
    for entrypoint in settings.entrypoints:
        if not module_of(entrypoint):
            found.append(entrypoint)
        elif not settings.dockerfile and (file := request.flow_source(entrypoint)[0]):
            found.append(f"{file}:{entrypoint.rpartition(':')[2]}")
    return tuple(found)


def _validate_requirements(
    root: Path, lists: Sequence[str], text: str, settings: Settings | None
) -> tuple[str, ...]:
    """Refuse requirements that cannot work in the image; the warnings about others."""
    lines = [line for each in lists for line in requirement_rules.lines_of(root, each)]
    if not lines:
        return ()
    base = dockerfile.final_base(text, settings.build_args if settings else None)
    return requirement_rules.validate(
        lines,
        dockerfile.prefect_version(base),
        ignore=settings.check.ignore if settings else (),
        warn=settings.check.warn if settings else (),
    )


def _severities(settings: Settings) -> Mapping[str, Severity]:
    """The severities that ``[check]`` sets, by rule."""
    return {
        **dict.fromkeys(settings.check.error, Severity.ERROR),
        **dict.fromkeys(settings.check.warn, Severity.WARNING),
    }


def _read(path: Path) -> str:
    try:
        return files.read_bytes(path).decode("utf-8-sig")  # keeps CRLF
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConfigError(
            f"cannot read the Dockerfile: {reason}", code="unreadable-file", where=str(path)
        ) from exc


def _check(text: str, facts: Facts, engine: Engine | None) -> tuple[list[Finding], Facts]:
    """Check; if a path depends on the base image, ask the engine for its folder and check again.

    Most files have no such path. Then no engine is needed, and docker-py is not imported.
    """
    findings = dockerfile.check(text, facts)
    relative = {"relative-destination", "relative-workdir", "flow-not-in-place"}
    if not relative & ({f.rule for f in findings} | facts.ignore):
        return findings, facts
    workdirs = _working_directories(dockerfile.base_images(text, facts.build_args), engine)
    facts = replace(facts, workdirs=workdirs)
    return (dockerfile.check(text, facts) if workdirs else findings), facts


def _working_directories(bases: list[str], engine: Engine | None) -> Mapping[str, str]:
    from flowship.engine.client import connect
    from flowship.engine.images import working_directory

    try:
        engine = engine or connect()
        found = {base: working_directory(engine, base) for base in bases}
    except EngineError:
        return {}
    return {base: workdir for base, workdir in found.items() if workdir}


def _with_template_help(findings: Iterable[Finding], request: BuildRequest) -> Iterator[Finding]:
    """Replace advice to edit the Dockerfile, because a rendered one cannot be edited."""
    settings = request.settings
    files = {e.rpartition(":")[0]: e for e in settings.entrypoints}
    absent = iter([e for file, e in files.items() if file not in request.files])
    for finding in findings:
        if finding.rule == "flow-not-in-place":  # one for each file, in this order
            entrypoint = next(absent, settings.entrypoint)
            yield replace(finding, help=_entrypoint_hint(settings, entrypoint, request.left_out))
        elif finding.rule == "prefect-2-base":
            image = finding.help.removeprefix("use ")
            yield replace(finding, help=f'set base-image = "{image}"')
        else:
            yield finding


def _entrypoint_hint(settings: Settings, entrypoint: str, left_out: Mapping[str, LeftOut]) -> str:
    """How to put the flow where the deployment looks for it, with the template."""
    file = entrypoint.rpartition(":")[0]
    parents = [file, *map(str, PurePosixPath(file).parents)]
    if why := next((left_out[path] for path in parents if path in left_out), None):
        return why.remedy(settings.file_of(entrypoint) if settings.image_folder else file)
    folder = f"{settings.folder_in_image}/" if settings.folder_in_image else ""
    flows = [folder + flow.entrypoint for flow in find_flows(settings.root)]
    close = difflib.get_close_matches(entrypoint, flows, n=1)
    return f'did you mean entrypoint = "{close[0]}"?' if close else "fix the entrypoint"


# --- names in the configuration ------------------------------------------------------------------


def validate_names(settings: Settings) -> None:
    """Validate the names that only later steps use: base image, rules, repository.

    Raises:
        ConfigError: A rule does not exist, or an image name is invalid.
    """
    for image in settings.per_image():
        _validate_base_image(image)
        if image.repo:
            push_target(None, image)
    for key in ("error", "warn", "ignore"):
        for rule in getattr(settings.check, key):
            if rule not in dockerfile.RULES:
                raise _unknown_rule(rule, key, settings)


def _validate_base_image(settings: Settings) -> None:
    from flowship.registry import Reference

    try:
        Reference.parse(settings.base_image)
    except UsageError as exc:
        raise ConfigError(
            f"base-image: {exc.message}",
            code="invalid-base-image",
            hint=exc.hint,
            where=settings.place("base-image"),
        ) from exc


def _unknown_rule(rule: str, key: str, settings: Settings) -> ConfigError:
    close = difflib.get_close_matches(rule, dockerfile.RULES, n=1)
    hint = "docs/check.md lists the rules; for hadolint's rules use a comment: # hadolint ignore=…"
    return ConfigError(
        f'check.{key}: unknown rule "{rule}"',
        code="unknown-rule",
        hint=f'did you mean "{close[0]}"?' if close else hint,
        where=settings.place("check", key),
    )


# --- what to do with the findings ----------------------------------------------------------------


def fix(checked: Checked) -> Checked:
    """Apply the safe fixes to the file, and check the result.

    Raises:
        ConfigError: The file cannot be written. It is then unchanged.
    """
    if not checked.path or not checked.fixable:
        return checked
    text = dockerfile.fix(checked.text, checked.fixable)
    rewriting.rewrite(checked.path, text)
    left = dockerfile.check(text, checked.facts)
    return replace(checked, text=text, findings=tuple(left), fixed=len(checked.fixable))


def with_hadolint(checked: Checked) -> Checked:
    """Add the findings of hadolint, if it is installed; what both report is kept once."""
    theirs = dockerfile.without_repeats(dockerfile.run_hadolint(checked.text), checked.findings)
    both = sorted((*checked.findings, *theirs), key=lambda f: (f.line, f.column))
    return replace(checked, findings=tuple(both))


def refuse_missing_flow(request: BuildRequest) -> None:
    """Refuse a project without the file or the function of an entrypoint; runs no code.

    Only for flowship's own template, which copies the project as it is. Another Dockerfile can
    put the flow in its place in any way; the rule `flow-not-in-place` checks what can be known.

    Raises:
        ConfigError: No image of this project can contain the flow. All entrypoints of which that
            is true are named.
    """
    settings = request.settings
    if settings.dockerfile or settings.template:
        return
    errors = []
    for entrypoint in settings.entrypoints:
        try:
            _refuse_missing(request, entrypoint)
        except ConfigError as exc:
            errors.append(exc)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise _several(errors)


def _several(errors: Sequence[ConfigError]) -> ConfigError:
    first = errors[0]
    blocks = (
        "\n".join(
            [each.message]
            + [f"  at {each.where}" for _ in [1] if each.where]
            + [f"  hint: {each.hint}" for _ in [1] if each.hint]
        )
        for each in errors
    )
    return ConfigError(
        f"{len(errors)} entrypoints are wrong",
        code=first.code,
        hint="fix each of them as explained above",
        where=first.where,
        details="\n".join(blocks),
    )


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
            hint=_entrypoint_hint(settings, entrypoint, request.left_out),
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
        hint=_entrypoint_hint(settings, entrypoint, {}),
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
    near = difflib.get_close_matches(module, known, n=1, cutoff=0.75)
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
        hint=f'did you mean entrypoint = "{near[0]}:{name}"?' if near else "fix the entrypoint",
        where=settings.place_of_entrypoint(entrypoint),
    )


def refuse_errors(checked: Checked) -> None:
    """Refuse to build if the check found errors.

    Raises:
        ConfigError: There are errors. They have already been printed.
    """
    count = len(checked.errors)
    if not count:
        return
    fixable = any(finding.is_blocking for finding in checked.fixable)
    raise ConfigError(
        f"{count} error{'s' * (count > 1)} in {checked.name}; nothing was built",
        code="check-failed",
        hint="run `flowship check --fix` to apply the safe fixes" if fixable else "",
    )
