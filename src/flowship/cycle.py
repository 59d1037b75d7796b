"""The cycle: check → build → push → deploy, each step refusing what the next could not use.

The command line calls these and draws what they return. `image` and `deploy` do not know each
other; what crosses from one to the other, a reference and the probe's answer, crosses here.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from flowship import context, dockerfile
from flowship.config import FLOWS_DIR, Settings, is_configured, load
from flowship.dockerfile import Facts, Finding
from flowship.errors import BuildError, ConfigError, EngineError, UsageError
from flowship.events import Report
from flowship.plan import Plan, plan
from flowship.scaffold import find_flows

if TYPE_CHECKING:
    from pydantic import SecretStr

    from flowship.deploy import DeploymentSpec, Flags, ImageFacts
    from flowship.engine import Engine
    from flowship.image import BuiltImage
    from flowship.prefect_api import PrefectApi
    from flowship.profiles import ApiTarget
    from flowship.registry import Credentials, LoginResult, Reference
    from flowship.stack import StackReport


# --- check ---------------------------------------------------------------------------------------


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


def check_plan(plan: Plan, engine: Engine | None = None) -> Checked:
    """Check the Dockerfile that a build would send, with all that is known of the project.

    Raises:
        ConfigError: A schedule, a timezone or a [block] value is wrong: no image would help.
    """
    from flowship.specification import Flags, validate_early

    settings = plan.settings
    validate_early(settings, Flags())
    own = settings.root / settings.dockerfile if settings.dockerfile else None
    facts = Facts(
        context=plan.context,
        entrypoint=settings.entrypoint,
        flows_dir=FLOWS_DIR,
        build_args=settings.build_args,
        ignore=frozenset(settings.check.ignore),
    )
    findings, facts = _check(plan.dockerfile, facts, engine)
    if own is None:
        findings = [_for_the_template(f, plan) for f in findings]
    name = _name(own, settings)
    return Checked(name, plan.dockerfile, tuple(findings), facts, own, settings.warnings)


def judge_names(settings: Settings) -> None:
    """Judge the names that only a later step would stumble over: the base image, rules to
    ignore, the repository.

    Raises:
        ConfigError: There is no such rule, or it cannot be an image's name.
    """
    _judge_base_image(settings)
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


def _judge_base_image(settings: Settings) -> None:
    from flowship.registry import Reference

    try:
        Reference.parse(settings.base_image)
    except UsageError as exc:
        place = settings.place("base-image")
        raise ConfigError(f"base-image: {exc.message}", hint=exc.hint, where=place) from exc


def _for_the_template(finding: Finding, plan: Plan) -> Finding:
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
    return replace(finding, help=_put_right(plan.settings, plan.project.left_out))


def _put_right(settings: Settings, left_out: Mapping[str, str]) -> str:
    """What makes the template put the flow where the deployment looks for it."""
    file = settings.entrypoint.rpartition(":")[0]
    parents = [file, *map(str, PurePosixPath(file).parents)]
    if any(path in left_out for path in parents):
        return f"take it back with !{file} in .dockerignore"
    flows = [flow.entrypoint for flow in find_flows(settings.root)]
    close = difflib.get_close_matches(settings.entrypoint, flows, n=1)
    return f'did you mean entrypoint = "{close[0]}"?' if close else "mend the entrypoint"


def check_project(folder: Path) -> Checked:
    """Check the project in `folder`; a lone Dockerfile without configuration will do."""
    lone = folder / "Dockerfile"
    settings = settings_or_none(folder)
    if settings is None and lone.is_file():
        return check_file(Path(os.path.relpath(lone)), None)
    settings = settings or load(folder)
    judge_names(settings)
    return check_plan(plan(settings))


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
    from flowship import engine as engines

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
    theirs = dockerfile.without_repeats(dockerfile.hadolint(checked.text), checked.findings)
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
        hint=_put_right(settings, {}),
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


# --- image ---------------------------------------------------------------------------------------


def further_names(tags: Sequence[str] | None) -> tuple[str, ...]:
    """The names that ``--tag`` gives, judged before anything slow.

    Raises:
        UsageError: One is no name that an image can be given.
    """
    from flowship.registry import Reference

    for tag in tags or ():
        try:
            pinned = Reference.parse(tag).digest
        except UsageError as exc:
            raise UsageError(exc.message, hint=exc.hint, where="--tag") from exc
        if pinned:
            raise UsageError(
                f"{tag} has a digest, which only a registry gives",
                hint="for instance --tag trips:nightly",
                where="--tag",
            )
    return tuple(tags or ())


def require_image(engine: Engine, plan: Plan) -> BuiltImage:
    """The image of the project's present files.

    Raises:
        ConfigError: It was never built, or files changed since.
    """
    from flowship import image

    found = image.find(engine, plan)
    if found is None:
        raise ConfigError(
            f"there is no image of {plan.settings.name} for the files as they are now",
            hint="run `flowship build` first (files may have changed since the last build); "
            "or name an image with --image",
        )
    return found


def image_to_push(engine: Engine, named: str | None, settings: Settings | None) -> BuiltImage:
    """The image that ``--image`` names, or else the one of the present files.

    Raises:
        ConfigError: The engine has no such image.
    """
    from flowship import image

    if not named:
        assert settings is not None, "without --image the project was read"
        return require_image(engine, plan(settings))
    found = image.inspect(engine, named)
    if found is None:
        raise ConfigError(
            f"the engine has no image {named}",
            hint="`docker image ls` lists what it has; `flowship build` makes one",
            where="--image",
        )
    return found


def image_to_deploy(named: str | None, settings: Settings) -> tuple[BuiltImage, str | None]:
    """The image, and how a registry knows it, pinned; None when it was never pushed.

    A named image that no engine here has is described by its registry; nothing is pulled.
    """
    from flowship import engine, image

    if not named:
        built = _image_of_files(engine.connect(), settings)
        return built, image.pinned(built, settings.repo)
    try:
        found = image.inspect(engine.connect(), named)
    except EngineError:
        found = None
    built = found or image.remote(named)
    if built.project != settings.name:
        raise ConfigError(
            f"{named} is an image of the project {built.project}, and this is {settings.name}:"
            " its deployments would look for another flow",
            hint=f"deploy it in the folder of {built.project}, or where a configuration has"
            f' name = "{built.project}"',
            where="--image",
        )
    return built, image.pinned(built, named) or image.pinned(built, settings.repo)


def _image_of_files(engine: Engine, settings: Settings) -> BuiltImage:
    """The image of the present files: this engine's, else the one in the project's repository."""
    from flowship import image
    from flowship.push import published

    present = plan(settings)
    found = image.find(engine, present)
    if found is None and settings.repo and (inputs := image.inputs_of(engine, present)):
        target = push_target(None, settings)
        found = published(engine, target, inputs, credentials(target))
    return found or require_image(engine, present)


def settings_or_none(folder: Path) -> Settings | None:
    """The project's settings, where there is a project: ``--image`` does not need one.

    Raises:
        ConfigError: There is a configuration, and it is wrong.
    """
    try:
        settings = load(folder)
    except ConfigError:
        if is_configured(folder):
            raise
        return None
    return None if settings.shipped else settings


def push_target(repo: str | None, settings: Settings | None) -> Reference:
    """Where to push: ``--repo``, else the configured repository.

    Raises:
        UsageError: Neither is given, or ``--repo`` is no reference.
        ConfigError: The configured one is none.
    """
    from flowship import registry

    text = repo or (settings.repo if settings else None)
    if not text:
        raise UsageError(
            "no repository is given",
            hint='`--repo user/de-repo:tag`, or repo = "user/de-repo" in the configuration',
            where="--repo",
        )
    try:
        return registry.push_target(text)
    except UsageError as exc:
        if repo or settings is None:
            raise
        place = settings.place("repo")
        raise ConfigError(f"repo: {exc.message}", hint=exc.hint, where=place) from exc


def credentials(target: Reference) -> Credentials | None:
    """Who to be at the registry, judged before anything slow."""
    from flowship import registry

    return registry.credentials(target)


def login(text: str, username: str, password: SecretStr) -> LoginResult:
    """Sign in at a registry, through the engine, and keep the credentials as docker does."""
    from flowship import engine, registry

    reached = engine.connect()
    host = registry.registry_host(text)
    return registry.login(
        host,
        username,
        password,
        verify=lambda _, given: engine.verify_login(reached, host, given),
        docker_config_dir=registry.docker_folder(os.environ),
    )


# --- deploy --------------------------------------------------------------------------------------


def image_facts(built: BuiltImage, reference: str | None) -> ImageFacts:
    """What a deployment needs to know of an image.

    Args:
        built: As the engine has it.
        reference: How the registry knows it, pinned; None when it was never pushed.
    """
    from flowship.deploy import ImageFacts

    probed = built.probe
    return ImageFacts(
        reference=reference or built.reference,
        pushed=reference is not None,
        platform=built.platform,
        flow_name=probed.flow_name if probed else None,
        flow_description=probed.description if probed else None,
        parameters=dict(probed.parameters) if probed else None,
        prefect_version=probed.prefect if probed else None,
        entrypoint=built.entrypoint,
    )


def specs_of(named: str | None, settings: Settings, flags: Flags) -> tuple[DeploymentSpec, ...]:
    """What is to be deployed, for the image that ``--image`` names or the present files' one."""
    built, reference = image_to_deploy(named, settings)
    return specs(settings, built, flags, reference)


def specs(
    settings: Settings, built: BuiltImage, flags: Flags, reference: str | None = None
) -> tuple[DeploymentSpec, ...]:
    """What is to be deployed for an image; `reference` is how a registry knows it."""
    from flowship import deploy

    wanted = deploy.plan(settings, image_facts(built, reference), flags, now=_this_second())
    return tuple(_with_destination_warning(spec, settings) for spec in wanted)


def _this_second() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def _with_destination_warning(spec: DeploymentSpec, settings: Settings) -> DeploymentSpec:
    """The shipped flow's own default, the current folder, would be lost with the container."""
    if not settings.shipped or "destination" in spec.parameters or settings.block.volumes:
        return spec
    warning = (
        "the trips would be written into a folder of a container that is removed after the run, "
        "which the flow refuses: give --param destination=gcs-bucket/NAME, or mount a folder"
    )
    return replace(spec, warnings=(*spec.warnings, warning))


@contextmanager
def open_api() -> Iterator[PrefectApi]:
    """The Prefect API that Prefect's own commands in this folder would use."""
    from flowship import profiles
    from flowship.prefect_api import PrefectApi

    with PrefectApi(profiles.resolve()) as api:
        yield api


# --- run, up -------------------------------------------------------------------------------------


def only_deployment(settings: Settings) -> str:
    """The deployment that `run` means where none is named.

    Raises:
        UsageError: Several are configured.
    """
    names = [d.name for d in settings.deployments] or [settings.name]
    if len(names) > 1:
        raise UsageError(
            f"{len(names)} deployments are configured",
            hint=f"name one of: {', '.join(names)}",
            where="DEPLOYMENT",
        )
    return names[0]


def known_project(folder: Path) -> Settings | None:
    """The project's settings, where there are any that can be read: only to tell apart."""
    try:
        return settings_or_none(folder)
    except ConfigError:
        return None


def work_pool(folder: Path) -> str:
    """The project's work pool; flowship's own where there is no project."""
    settings = settings_or_none(folder)
    return settings.work_pool if settings else str(Settings.model_fields["work_pool"].default)


def up(pool: str, port: int, report: Report) -> StackReport:
    """Start what is missing of a local server and a worker for `pool`."""
    from flowship import engine, stack

    def ensure_pool(target: ApiTarget, name: str) -> None:
        from flowship import deploy
        from flowship.prefect_api import PrefectApi

        with PrefectApi(target) as api:
            deploy.ensure_pool(api, name)

    return stack.up(
        pool, port=port, report=report, ensure_pool=ensure_pool, check_engine=engine.connect
    )
