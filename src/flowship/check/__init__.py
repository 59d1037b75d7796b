"""The check step: find what would make the scheduled run fail, before anything is built."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowship import dockerfile, rewriting
from flowship.build_request import BuildRequest, prepare_build
from flowship.check import flows
from flowship.check.flows import refuse_missing_flow
from flowship.config import files
from flowship.config.every_environment import Failure, failures
from flowship.config.loading import load, settings_or_none
from flowship.config.names import module_of
from flowship.config.settings import FLOWS_DIR, Settings
from flowship.dockerfile import hadolint, rules
from flowship.dockerfile.rules import Facts, Finding, Severity
from flowship.errors import ConfigError, EngineError, UsageError, did_you_mean
from flowship.project import context, requirement_places, requirement_rules
from flowship.project.requirement_places import Line
from flowship.registry.target import push_target

if TYPE_CHECKING:
    from flowship.engine.client import Engine

__all__ = [
    "Checked",
    "check_build",
    "check_environments",
    "check_file",
    "check_project",
    "fix",
    "refuse_errors",
    "refuse_missing_flow",
    "validate_names",
    "with_hadolint",
]


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
        ConfigError: A requirement cannot work in the image, or a flow's file is not valid Python.
    """
    settings = request.settings
    unread = flows.unread(request)
    own = settings.root / settings.dockerfile if settings.dockerfile else None
    if own:
        lists = requirement_places.files_of_dockerfile(request.dockerfile, request.context.paths)
        lines = _lines(settings.root, lists)
    else:
        lines = _lines_of_template(request)
    replaced = _validate_requirements(lines, request.dockerfile, settings)
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
        (*settings.warnings, *request.warnings, *replaced, *unread),
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
    refuse_missing_flow(*requests)
    first, *others = map(check_build, requests)
    if settings.images:  # the texts about the project come only once
        warnings, notes = (*settings.warnings, *first.warnings), (*settings.notes, *first.notes)
        first = replace(first, warnings=warnings, notes=notes)
    return (first, *others)


def check_environments(folder: Path, environment: str | None = None) -> tuple[Failure, ...]:
    """The errors of the environments that are not chosen: unknown names, schedules, values."""
    from flowship.deployment.desired import Flags
    from flowship.deployment.draft import draft

    def validate(settings: Settings) -> None:
        validate_names(settings)
        draft(settings, Flags())

    settings = settings_or_none(folder, environment)
    return failures(settings, folder, validate) if settings else ()


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
    lists = requirement_places.files_of_dockerfile(text, sent)
    replaced = _validate_requirements(_lines(root, lists), text, settings)
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


def _lines(root: Path, lists: Iterable[str]) -> list[Line]:
    return [line for each in lists for line in requirement_places.lines_of(root, each)]


def _lines_of_template(request: BuildRequest) -> list[Line]:
    """The requirements that the template installs; of a lockfile, those that cannot work."""
    settings, needed = request.settings, request.requirements
    if needed is None:
        return []
    if needed.locked:
        return requirement_rules.lines_of_lock(settings.root, needed, request.python)
    return requirement_places.lines_of(settings.root, needed.source, settings)


def _validate_requirements(
    lines: Sequence[Line], text: str, settings: Settings | None
) -> tuple[str, ...]:
    """Refuse requirements that cannot work in the image; the warnings about others."""
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
    findings = rules.check(text, facts)
    relative = {"relative-destination", "relative-workdir", "flow-not-in-place"}
    if not relative & ({f.rule for f in findings} | facts.ignore):
        return findings, facts
    workdirs = _working_directories(dockerfile.base_images(text, facts.build_args), engine)
    facts = replace(facts, workdirs=workdirs)
    return (rules.check(text, facts) if workdirs else findings), facts


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
            yield replace(
                finding, help=flows.entrypoint_hint(settings, entrypoint, request.left_out)
            )
        elif finding.rule == "prefect-2-base":
            image = finding.help.removeprefix("use ")
            yield replace(finding, help=f'set base-image = "{image}"')
        else:
            yield finding


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
            if rule not in rules.RULES:
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
    hint = "docs/check.md lists the rules; for hadolint's rules use a comment: # hadolint ignore=…"
    return ConfigError(
        f'check.{key}: unknown rule "{rule}"',
        code="unknown-rule",
        hint=did_you_mean(rule, rules.RULES, hint),
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
    text = rules.fix(checked.text, checked.fixable)
    hint = "check the free disk space and the permissions of the folder"
    rewriting.rewrite(checked.path, text, hint=hint)
    left = rules.check(text, checked.facts)
    return replace(checked, text=text, findings=tuple(left), fixed=len(checked.fixable))


def with_hadolint(checked: Checked) -> Checked:
    """Add the findings of hadolint, if it is installed; what both report is kept once."""
    theirs = hadolint.without_repeats(hadolint.run_hadolint(checked.text), checked.findings)
    both = sorted((*checked.findings, *theirs), key=lambda f: (f.line, f.column))
    return replace(checked, findings=tuple(both))


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
