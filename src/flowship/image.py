"""The container engine: build, probe, tag, push. The only module that knows docker-py.

Each function takes plain values and an `Engine`, tells its progress to a `Report`, and returns
a plain value. docker-py's exceptions, and the failures that the engine hides in its event
streams, leave this module as `flowship.errors`.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import IO, Any

import docker
import docker.errors
import requests.exceptions
from docker.context import ContextAPI

from flowship import __version__, context, dockerfile, inside, probe, registry
from flowship.buildstream import BuildStream
from flowship.config import FLOWS_DIR, Settings
from flowship.errors import BuildError, ConfigError, EngineError
from flowship.events import Output, Phase, Report, Transfer, readable_size, silent
from flowship.plan import Plan
from flowship.probe import ProbeResult
from flowship.registry import Credentials, PushStream, Reference, RegistryFault

LABEL = "io.flowship"
LABEL_LINE = 30_000  # characters; quoted it may double, and be wider in UTF-8
PATIENCE = 120  # seconds after which a failing push is not tried again
STREAM_TIMEOUT = 900  # seconds an engine may stay silent, for instance while it commits a layer


# --- the engine ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Engine:
    """A container engine that answered.

    Attributes:
        api: docker-py's low-level client.
        version: The engine's own version.
        platform: What it builds for by default, as "linux/amd64".
        address: Where it listens.
    """

    api: Any  # docker.APIClient: its stubs lack the calls that a raw build needs
    version: str
    platform: str
    address: str


def connect(environ: Mapping[str, str] = os.environ) -> Engine:
    """Reach the engine that the Docker CLI would: DOCKER_HOST, else the current context.

    Raises:
        EngineError: None answers, with what to do about it.
    """
    _refuse_missing_context(environ)
    try:
        client = docker.from_env(timeout=30, environment=dict(environ), use_ssh_client=True)
        about = client.api.version()
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        OSError,
        ValueError,  # a port that is none
    ) as exc:
        raise _no_engine(str(exc), environ) from exc
    client.api.timeout = STREAM_TIMEOUT
    return Engine(
        client.api,
        about.get("Version", "unknown"),
        f"{about.get('Os', 'linux')}/{about.get('Arch', 'amd64')}",
        environ.get("DOCKER_HOST") or client.api.base_url,
    )


def _refuse_missing_context(environ: Mapping[str, str]) -> None:
    """docker-py silently falls back to the default socket when the named context is gone."""
    name = environ.get("DOCKER_CONTEXT")
    if environ.get("DOCKER_HOST"):
        return
    try:
        found = ContextAPI.get_context(name)
    except (docker.errors.ContextException, ValueError, OSError) as exc:
        raise EngineError(
            f"the Docker context cannot be read: {exc}", hint="`docker context ls` shows them"
        ) from exc
    if found is None:
        raise EngineError(
            f"the Docker context {name or 'named in the Docker configuration'} does not exist",
            hint="`docker context ls` shows them, `docker context use default` goes back",
        )


def _no_engine(text: str, environ: Mapping[str, str]) -> EngineError:
    host = environ.get("DOCKER_HOST") or "the default socket"
    if "Permission denied" in text or "PermissionError" in text:
        return EngineError(
            f"the container engine at {host} does not let this user in",
            hint="`sudo usermod -aG docker $USER`, then log in again",
        )
    if "paramiko" in text:
        return EngineError(
            f"the container engine at {host} is reached by ssh, which needs a further package",
            hint="`pip install paramiko` into the environment that flowship runs in",
        )
    if "Invalid bind address" in text or "Port out of range" in text:
        return EngineError(
            f"{host} is not an engine's address",
            hint="unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host",
            where="DOCKER_HOST",
        )
    if "API versions below" in text or "client version" in text:
        return EngineError(f"the container engine at {host} is too old or too new: {text}")
    return EngineError(
        f"no container engine answers at {host}",
        hint="start Docker (`sudo systemctl start docker`, or Docker Desktop); on a machine "
        "without one, `sudo apt-get install docker.io`; for Podman set DOCKER_HOST",
        details=text,
    )


@contextmanager
def _engine_errors(doing: str) -> Iterator[None]:
    """Translate what docker-py raises while `doing`; our own errors pass."""
    try:
        yield
    except docker.errors.APIError as exc:
        raise EngineError(f"the engine failed while {doing}: {exc.explanation or exc}") from exc
    except (docker.errors.DockerException, requests.exceptions.RequestException) as exc:
        raise EngineError(
            f"the engine stopped answering while {doing}",
            hint="is it still running? `docker version` tells",
            details=str(exc),
        ) from exc


def _inspect(engine: Engine, reference: str) -> dict[str, Any] | None:
    with _engine_errors(f"looking for {reference}"):
        try:
            found: dict[str, Any] = engine.api.inspect_image(reference)
        except docker.errors.ImageNotFound:
            return None
        return found


def working_directory(engine: Engine, reference: str) -> str | None:
    """The WORKDIR of an image that the engine has; None when it has not."""
    found = _inspect(engine, reference)
    return (found["Config"].get("WorkingDir") or "/") if found else None


# --- build ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BuiltImage:
    """An image in the engine.

    Attributes:
        id: The engine's image id.
        reference: Its local name, ``<project>:<first 12 digits of the inputs' hash>``.
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
    inputs: str
    platform: str
    size: int
    probe: ProbeResult | None
    entrypoint: str
    unchanged: bool = False
    tags: tuple[str, ...] = ()
    pushed: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildOptions:
    """How to build, as the flags say."""

    no_cache: bool = False
    probe: bool = True
    tags: tuple[str, ...] = field(default=())


def local_name(plan: Plan, bases: Mapping[str, str]) -> str:
    """The name under which the image of these inputs is kept."""
    return f"{plan.settings.name}:{plan.digest(bases)[:12]}"


def find(engine: Engine, plan: Plan) -> BuiltImage | None:
    """The image that was built from the present inputs, if the engine has it."""
    bases: dict[str, str] = {}
    for base in _bases(plan):
        found = _inspect(engine, base)
        if found is None:
            return None
        bases[base] = found["Id"]
    return inspect(engine, local_name(plan, bases))


def inspect(engine: Engine, reference: str) -> BuiltImage | None:
    """An image that flowship built, by name or id; None when the engine has no such image.

    Raises:
        ConfigError: The image is there, but flowship did not build it.
    """
    found = _inspect(engine, reference)
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
    return BuiltImage(
        reference=f"{labels[f'{LABEL}.project']}:{inputs[:12]}",
        inputs=inputs,
        probe=ProbeResult.from_json(answer) if answer else None,
        entrypoint=labels.get(f"{LABEL}.entrypoint", ""),
        unchanged=True,
        **known,
    )


def _platform(found: Mapping[str, Any]) -> str:
    parts = [found.get("Os", "linux"), found.get("Architecture", ""), found.get("Variant", "")]
    return "/".join(part for part in parts if part)


def build(
    engine: Engine,
    plan: Plan,
    options: BuildOptions = BuildOptions(),
    report: Report = silent,
) -> BuiltImage:
    """Build, probe, label and tag; or find that nothing changed.

    The image gets its name last: what does not load its flow is never tagged.

    Raises:
        BuildError: A step failed, or the flow does not load in the image.
        RegistryError: A base image cannot be pulled.
        EngineError: The engine failed.
    """
    bases = {base: _base(engine, base, plan, report) for base in _bases(plan)}
    inputs, name = plan.digest(bases), local_name(plan, bases)
    known = None if options.no_cache else inspect(engine, name)
    if known and (known.probe or not options.probe):
        _tag(engine, known.id, options.tags)
        return replace(known, tags=tuple(sorted({*known.tags, *options.tags})))
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
    found = _inspect(engine, reference)
    if found is None or (wanted and not f"{_platform(found)}/".startswith(f"{wanted}/")):
        report(Phase(f"pulling the base image {reference}"))
        _pull(engine, reference, wanted, report)
        found = _inspect(engine, reference)
    if found is None:
        raise EngineError(f"the engine lost the base image {reference} after pulling it")
    return str(found["Id"])


def _pull(engine: Engine, reference: str, platform: str | None, report: Report) -> None:
    target = Reference.parse(reference)
    credentials = registry.credentials(target, use_environment=False)
    with _registry_errors(target, "pull", credentials):
        for event in engine.api.pull(
            target.repository,
            tag=target.digest or target.tag or "latest",
            stream=True,
            decode=True,
            platform=platform,
            auth_config=_auth(target, credentials),
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
    with tempfile.TemporaryFile() as archive, _engine_errors("building"):
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
    settings = plan.settings
    labels = {
        "org.opencontainers.image.title": settings.name,
        "org.opencontainers.image.version": inputs[:12],
        f"{LABEL}.project": settings.name,
        f"{LABEL}.inputs": inputs,
        f"{LABEL}.entrypoint": settings.entrypoint,
        f"{LABEL}.version": __version__,
    }
    if bases:
        base = list(bases)[-1]
        labels["org.opencontainers.image.base.name"] = base
    if answer:
        labels[f"{LABEL}.probe"] = answer.to_json()
        labels["org.opencontainers.image.description"] = (answer.description or "").strip()
    revision = _revision(settings)
    if revision:
        labels["org.opencontainers.image.revision"] = revision
    return labels


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
    with _engine_errors("labelling the image"):
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
        with _engine_errors(f"tagging {tag}"):
            engine.api.tag(image, target.repository, target.tag or "latest")


# --- probe ---------------------------------------------------------------------------------------


def ask(engine: Engine, image_id: str, plan: Plan, report: Report = silent) -> ProbeResult:
    """Ask the image for its flow: a container without network loads it and describes it.

    Raises:
        BuildError: The flow does not load; with the container's own traceback.
    """
    report(Phase(f"loading {plan.settings.entrypoint} inside the image"))
    answer = _ask_container(engine, image_id, plan)
    return probe.interpret(answer, plan.project)


def _ask_container(engine: Engine, image_id: str, plan: Plan) -> dict[str, Any]:
    """Ask as a worker starts a run: through the image's own ENTRYPOINT, with a command.

    Where the command does not get through, asking once more without the ENTRYPOINT tells whose
    fault that is.
    """
    with _engine_errors("probing the image"):
        configured = engine.api.inspect_image(image_id)["Config"] or {}
        entrypoint = configured.get("Entrypoint") or []
        told = _probe_container(engine, image_id, plan, through=entrypoint)
        if entrypoint and not told.started:
            if told.code is not None:  # not the time-out: who waits for nothing is not asked twice
                directly = _probe_container(engine, image_id, plan, through=[])
                if not directly.started:
                    raise probe.crashed(directly.code or 0, directly.errors or directly.output)
            raise probe.swallowed(entrypoint, told.errors or told.output)
    if told.code is None:
        raise probe.timed_out(plan.settings.probe.timeout, told.errors)
    if told.code != 0 or told.answer is None:
        raise probe.crashed(told.code, told.errors or told.output)
    return told.answer


@dataclass(frozen=True)
class _Told:
    """What the probe's container left behind; no `code` when it did not end in time."""

    code: int | None
    output: str
    errors: str

    @property
    def started(self) -> bool:
        return inside.STARTED in self.output.splitlines()

    @property
    def answer(self) -> dict[str, Any] | None:
        """What follows the line that the script begins with; the ENTRYPOINT may print as well."""
        lines = iter(self.output.splitlines())
        for line in lines:
            if line == inside.STARTED:
                break
        for line in lines:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        return None


def _probe_container(engine: Engine, image_id: str, plan: Plan, *, through: Sequence[str]) -> _Told:
    api, wanted = engine.api, plan.settings.probe
    script = resources.files("flowship").joinpath("inside.py").read_text(encoding="utf-8")
    # The engine would create a missing working directory, and the script must see that it is
    # missing; an ENTRYPOINT may be relative to it.
    start = {} if through else {"working_dir": "/", "entrypoint": ["python"]}
    command = ["-c", script, FLOWS_DIR, plan.settings.entrypoint]
    container = api.create_container(
        image_id,
        command=["python", *command] if through else command,
        environment={"PREFECT_LOGGING_LEVEL": "ERROR", **wanted.env},
        host_config=api.create_host_config(
            network_mode=None if wanted.network else "none", init=not through
        ),
        labels={f"{LABEL}.probe-of": plan.settings.name},
        **start,
    )["Id"]
    try:
        return _listen(engine, container, wanted.timeout)
    finally:
        api.remove_container(container, force=True, v=True)


def _listen(engine: Engine, container: str, timeout: int) -> _Told:
    api = engine.api
    try:
        api.start(container)
    except docker.errors.APIError as exc:
        return _Told(127, "", str(exc.explanation or exc))
    code: int | None = None
    with suppress(requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
        code = api.wait(container, timeout=timeout)["StatusCode"]
    errors = api.logs(container, stdout=False, stderr=True, tail=50).decode(errors="replace")
    output = api.logs(container, stdout=True, stderr=False).decode(errors="replace")
    return _Told(code, output, errors)


# --- push ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PushedImage:
    """An image that a registry holds.

    Attributes:
        reference: Pinned: ``user/de-repo:tag@sha256:…``.
        repository: ``user/de-repo``.
        tag: The tag it was pushed under.
        digest: What the registry answers for it.
        size: Bytes of the manifest's image in the engine.
        already: Whether the registry had it under this tag before.
    """

    reference: str
    repository: str
    tag: str
    digest: str
    size: int
    already: bool = False


def push(
    engine: Engine,
    image: BuiltImage,
    target: Reference,
    *,
    credentials: Credentials | None = None,
    report: Report = silent,
    sleep: Callable[[float], None] = time.sleep,
) -> PushedImage:
    """Push `image` as `target`, and make sure that the registry answers the same digest.

    Passing failures (a registry that restarts, a connection that drops) are tried again;
    a refusal never is.

    Raises:
        RegistryError: Refused, unreachable for good, or another digest than was sent.
    """
    target = target if target.tag else target.with_tag(image.inputs[:12])
    sent = {name.rpartition("@")[2] for name in image.pushed if _same(name, target)}
    known = _digest_in_registry(engine, target, credentials) if sent else None
    if known and known in sent:
        return _pushed(image, target, known, already=True)
    new_tag = str(target) not in image.tags
    with _engine_errors(f"tagging {target}"):
        engine.api.tag(image.id, target.repository, target.tag)
    try:
        digest = _push_until_done(engine, target, credentials, report, sleep)
    except BaseException:
        if new_tag:  # nothing half-done: the name would say that it was pushed
            with _engine_errors("untagging"):
                engine.api.remove_image(str(target), noprune=True)
        raise
    answered = _digest_in_registry(engine, target, credentials)
    registry.check_digest(digest, answered or "nothing", target)
    return _pushed(image, target, digest)


def _same(name: str, target: Reference) -> bool:
    return Reference.parse(name).repository == target.repository


def _pushed(
    image: BuiltImage, target: Reference, digest: str, *, already: bool = False
) -> PushedImage:
    return PushedImage(
        reference=str(target.with_digest(digest)),
        repository=target.repository,
        tag=str(target.tag),
        digest=digest,
        size=image.size,
        already=already,
    )


def _push_until_done(
    engine: Engine,
    target: Reference,
    credentials: Credentials | None,
    report: Report,
    sleep: Callable[[float], None],
) -> str:
    began = time.monotonic()
    for attempt in range(1, registry.ATTEMPTS + 1):
        try:
            return _push_once(engine, target, credentials, report)
        except RegistryFault as exc:
            # The engine itself tries a broken layer five times, which takes a minute.
            spent = time.monotonic() - began > PATIENCE or attempt == registry.ATTEMPTS
            if spent or not exc.transient:
                raise
            wait = registry.backoff(attempt)
            report(Output(f"{exc.message}; trying again in {wait:.0f} s"))
            sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def _push_once(
    engine: Engine, target: Reference, credentials: Credentials | None, report: Report
) -> str:
    with _registry_errors(target, "push", credentials):
        events = engine.api.push(
            target.repository,
            tag=target.tag,
            stream=True,
            decode=True,
            auth_config=_auth(target, credentials) or {},
        )
        stream = PushStream(events, target, credentials)
        for layer in stream:
            report(Transfer(layer.layer, layer.status, layer.current, layer.total or 0))
        return stream.digest


def _digest_in_registry(
    engine: Engine, target: Reference, credentials: Credentials | None
) -> str | None:
    """The digest that the registry answers for `target`; None when it does not answer one."""
    try:
        found = engine.api.inspect_distribution(
            str(target), auth_config=_auth(target, credentials) or {}
        )
    except (docker.errors.APIError, requests.exceptions.RequestException):
        return None  # not there, or not reachable: the push itself says which, in its own words
    return str(found["Descriptor"]["digest"])


def _auth(target: Reference, credentials: Credentials | None) -> dict[str, str] | None:
    return credentials.auth_config(target.registry) if credentials else None


@contextmanager
def _registry_errors(
    target: Reference | str, doing: registry.Doing, credentials: Credentials | None
) -> Iterator[None]:
    """Translate a registry's refusal that the engine passes on as its own HTTP error."""
    try:
        yield
    except docker.errors.APIError as exc:
        raise registry.translate(
            str(exc.explanation or exc),
            target,
            status=exc.status_code,
            doing=doing,
            credentials=credentials,
        ) from exc
    except (docker.errors.DockerException, requests.exceptions.RequestException) as exc:
        raise EngineError(
            f"the engine stopped answering during the {doing}",
            hint="is it still running? `docker version` tells",
            details=str(exc),
        ) from exc


def verify_login(engine: Engine, registry_host: str, credentials: Credentials) -> str:
    """Ask the registry, through the engine, whether it accepts `credentials`.

    Returns:
        The identity token that some registries give instead; else an empty string.

    Raises:
        RegistryError: It does not accept them, or does not answer.
    """
    with _registry_errors(registry_host, "login", credentials):
        answer = engine.api.login(
            credentials.username,
            credentials.password.get_secret_value(),
            registry=registry.server_address(registry_host),
            reauth=True,
        )
    return str(answer.get("IdentityToken") or "")


def pinned(image: BuiltImage, repository: str | None) -> str | None:
    """How a registry knows `image`: ``repo:tag@sha256:…``; None when it was never pushed.

    Args:
        image: As the engine has it.
        repository: In this repository (a tag or digest does not matter); None: in any.
    """
    if repository and repository.startswith("sha256:"):  # an image id, as the engine lists it
        return None
    wanted = Reference.parse(repository).repository if repository else None
    for name in image.pushed:
        known = Reference.parse(name)
        if wanted in (None, known.repository) and known.digest:
            tags = [Reference.parse(tag) for tag in image.tags]
            tag = next((t.tag for t in tags if t.repository == known.repository), None)
            return str(known.with_tag(tag) if tag else known)
    return None


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
