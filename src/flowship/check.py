"""The check step: what would make the scheduled run fail, found before anything is built."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from flowship import dockerfile
from flowship.config.discovery import find_flows
from flowship.config.loading import load
from flowship.config.settings import FLOWS_DIR, Settings
from flowship.dockerfile import Facts, Finding
from flowship.errors import BuildError, ConfigError, EngineError, UsageError
from flowship.project import context
from flowship.project.build_request import BuildRequest, prepare_build

if TYPE_CHECKING:
    from flowship.engine.client import Engine
from flowship.config.loading import settings_or_none
from flowship.registry.target import push_target


@dataclass(frozen=True)
class Checked:
    """A Dockerfile and what was found in it.

    Attributes:
        name: What to call it: the file's path, or the template's.
        text: The text that was checked.
        findings: Sorted by position.
        facts: What the check knew.
        path: The user's own file; None for the rendered template.
        warnings: What the configuration has to say.
    """

    name: str
    text: str
    findings: tuple[Finding, ...]
    facts: Facts
    path: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a build: ours. hadolint's opinions are shown, not obeyed."""
        return tuple(f for f in self.findings if f.severity == "error" and f.source == "flowship")


def check_build(request: BuildRequest, engine: Engine | None = None) -> Checked:
    """Check the Dockerfile that a build would send, with all that is known of the project."""
    settings = request.settings
    own = settings.root / settings.dockerfile if settings.dockerfile else None
    facts = Facts(
        context=request.context,
        entrypoint=settings.entrypoint,
        flows_dir=FLOWS_DIR,
        build_args=settings.build_args,
        ignore=frozenset(settings.check.ignore),
    )
    findings, facts = _check(request.dockerfile, facts, engine)
    if own is None:
        findings = [_for_the_template(f, request) for f in findings]
    name = _name(own, settings)
    return Checked(name, request.dockerfile, tuple(findings), facts, own, settings.warnings)


def validate_names(settings: Settings) -> None:
    """Judge the names that only a later step would stumble over: the base image, rules to
    ignore, the repository.

    Raises:
        ConfigError: There is no such rule, or it cannot be an image's name.
    """
    _validate_base_image(settings)
    for rule in settings.check.ignore:
        if rule not in dockerfile.RULES:
            close = difflib.get_close_matches(rule, dockerfile.RULES, n=1)
            raise ConfigError(
                f'check.ignore: there is no rule "{rule}"',
                hint=f'did you mean "{close[0]}"?'
                if close
                else "docs/check.md lists them; one of"
                " hadolint's is ignored with a comment in the Dockerfile: # hadolint ignore=…",
                where=settings.place("check", "ignore"),
            )
    if settings.repo:
        push_target(None, settings)


def _validate_base_image(settings: Settings) -> None:
    from flowship.registry import Reference

    try:
        Reference.parse(settings.base_image)
    except UsageError as exc:
        place = settings.place("base-image")
        raise ConfigError(f"base-image: {exc.message}", hint=exc.hint, where=place) from exc


def _for_the_template(finding: Finding, request: BuildRequest) -> Finding:
    """Nobody edits a rendered Dockerfile: what is wrong is the entrypoint, or .dockerignore.

    The folder that holds the project in the context is ours; .dockerignore does not know it.
    """
    if finding.rule in {"secret", "missing-source"}:
        ours = re.compile(rf"(?<![\w/.-]){context.PROJECT}/(?=[^\s\"])")
        advice = ours.sub("", finding.help)
        if f'"{context.PROJECT}"' in advice:  # the nearest name, and it is our own folder's
            advice = "put it into the project folder, or mend copy = { … }"
        return replace(finding, message=ours.sub("", finding.message), help=advice)
    if finding.rule != "flow-not-in-place":
        return finding
    return replace(finding, help=_entrypoint_hint(request.settings, request.project.left_out))


def _entrypoint_hint(settings: Settings, left_out: Mapping[str, str]) -> str:
    """What makes the template put the flow where the deployment looks for it."""
    file = settings.entrypoint.rpartition(":")[0]
    parents = [file, *map(str, PurePosixPath(file).parents)]
    if any(path in left_out for path in parents):
        return f"take it back with !{file} in .dockerignore"
    flows = [flow.entrypoint for flow in find_flows(settings.root)]
    close = difflib.get_close_matches(settings.entrypoint, flows, n=1)
    return f'did you mean entrypoint = "{close[0]}"?' if close else "mend the entrypoint"


def check_project(folder: Path) -> Checked:
    """Check the project in `folder`; a lone Dockerfile without configuration will do.

    Raises:
        ConfigError: The configuration is wrong, schedules and block values included: no image
            would help.
    """
    from flowship.deployment.desired import Flags
    from flowship.deployment.draft import draft

    lone = folder / "Dockerfile"
    settings = settings_or_none(folder)
    if settings is None and lone.is_file():
        return check_file(Path(os.path.relpath(lone)), None)
    settings = settings or load(folder)
    validate_names(settings)
    draft(settings, Flags())
    return check_build(prepare_build(settings))


def check_file(path: Path, settings: Settings | None) -> Checked:
    """Check one Dockerfile; `settings`, where there are any, say what must end up where.

    Raises:
        ConfigError: The file cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # keeps CRLF
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConfigError(f"the file cannot be read: {reason}", where=str(path)) from exc
    root = settings.root if settings else path.parent
    relative = os.path.relpath(path.resolve(), root.resolve())
    facts = Facts(
        context=context.scan(root, dockerfile=None if relative.startswith("..") else relative),
        entrypoint=settings.entrypoint if settings and not settings.shipped else None,
        build_args=settings.build_args if settings else {},
        ignore=frozenset(settings.check.ignore) if settings else frozenset(),
    )
    findings, facts = _check(text, facts, None)
    warnings = settings.warnings if settings else ()
    return Checked(str(path), text, tuple(findings), facts, path, warnings)


def _name(own: Path | None, settings: Settings) -> str:
    if own:
        return os.path.relpath(own)
    return f"{settings.template or 'Dockerfile.j2'} (rendered)"


def _check(text: str, facts: Facts, engine: Engine | None) -> tuple[list[Finding], Facts]:
    """Check; and where a landing place depends on the base image, ask the engine and check again.

    Most files are clean, and then no engine is asked and docker-py not even imported.
    """
    findings = dockerfile.check(text, facts)
    relative = {"relative-destination", "relative-workdir"}
    if not relative & ({f.rule for f in findings} | facts.ignore):
        return findings, facts
    workdirs = _working_directories(dockerfile.base_images(text), engine)
    facts = replace(facts, workdirs=workdirs)
    return (dockerfile.check(text, facts) if workdirs else findings), facts


def _working_directories(bases: list[str], engine: Engine | None) -> Mapping[str, str]:
    from flowship.engine import client as engines

    try:
        engine = engine or engines.connect()
        found = {base: engines.working_directory(engine, base) for base in bases}
    except EngineError:
        return {}
    return {base: workdir for base, workdir in found.items() if workdir}


def fix(checked: Checked) -> tuple[Checked, int]:
    """Apply the safe fixes to the file; returns what is left and how many were applied."""
    edits = [f for f in checked.findings if f.edit]
    if not checked.path or not edits:
        return checked, 0
    raw = checked.path.read_bytes()
    text = dockerfile.fix(checked.text, edits)
    bom = "\ufeff" if raw.startswith(b"\xef\xbb\xbf") else ""
    try:
        checked.path.write_bytes((bom + text).encode())
    except OSError as exc:
        raise ConfigError(
            f"the file cannot be written: {exc.strerror}; nothing was mended",
            hint="mend its permissions, or its folder's",
            where=str(checked.path),
        ) from exc
    left = dockerfile.check(text, checked.facts)
    return replace(checked, text=text, findings=tuple(left)), len(edits)


def with_hadolint(checked: Checked) -> Checked:
    """Add what hadolint finds, where it is installed; what both found is shown once."""
    theirs = dockerfile.without_repeats(dockerfile.run_hadolint(checked.text), checked.findings)
    both = sorted((*checked.findings, *theirs), key=lambda f: (f.line, f.column))
    return replace(checked, findings=tuple(both))


def refuse_missing_flow(checked: Checked, settings: Settings) -> None:
    """Say that the entrypoint's file is not there, rather than which COPY would not find it.

    In the user's own Dockerfile the finding itself says it best.

    Raises:
        BuildError: No image of this project can hold the flow.
    """
    missing = any(f.rule == "flow-not-in-place" for f in checked.errors)
    file = settings.entrypoint.rpartition(":")[0]
    if checked.path or not missing or (settings.root / file).exists():
        return
    found = [f"  {flow.entrypoint}" for flow in find_flows(settings.root)]
    raise BuildError(
        f"there is no {file} in the project, and the deployment would look for it in vain",
        hint=_entrypoint_hint(settings, {}),
        where=settings.place("entrypoint"),
        details="\n".join(["flows found here:", *found] if found else []),
    )


def refuse_errors(checked: Checked) -> None:
    """Stop before anything is built.

    Raises:
        ConfigError: The check found errors; they were shown already.
    """
    count = len(checked.errors)
    if not count:
        return
    fixable = any(f.edit for f in checked.errors) and checked.path
    raise ConfigError(
        f"{count} error{'s' * (count > 1)} in {checked.name}; nothing was built",
        hint="`flowship check --fix` mends what can be mended safely" if fixable else "",
    )
