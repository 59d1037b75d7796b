"""Pushes an image to a registry, verifies that it arrived, and finds it there again.

The engine pushes; every question to the registry goes over HTTP, through `RegistryClient`. Where
only the engine reaches the registry (an engine on another machine, or a registry that only the
engine is configured for), a push works but its digest cannot be verified.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from flowship import registry
from flowship.engine import transfer
from flowship.engine.client import LABEL, Engine, connect
from flowship.engine.images import tagged
from flowship.errors import ConfigError, EngineError, RegistryError
from flowship.events import Output, Report, silent
from flowship.image import BuiltImage, inspect, pinned, pinned_names, remote
from flowship.registry import (
    NO_CONNECTION,
    NOT_THERE,
    REFUSALS,
    Credentials,
    Reference,
    RegistryFailure,
)
from flowship.registry.client import RegistryClient
from flowship.registry.retries import RETRY_SECONDS, Retries


@dataclass(frozen=True)
class PushedImage:
    """An image that a registry has.

    Attributes:
        reference: Pinned: ``user/de-repo:tag@sha256:…``.
        repository: ``user/de-repo``.
        tag: The tag it was pushed under.
        digest: The digest of its manifest.
        size: Bytes of the image in the engine.
        already: Whether the registry had it under this tag before.
        verified: Whether the registry answered this digest for the tag; False if it could not
            be asked, and the digest is what the engine uploaded.
    """

    reference: str
    repository: str
    tag: str
    digest: str
    size: int
    already: bool = False
    verified: bool = True


def push(
    engine: Engine,
    image: BuiltImage,
    target: Reference,
    *,
    credentials: Credentials | None = None,
    report: Report = silent,
    retry_for: float = RETRY_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> PushedImage:
    """Push `image` as `target`, unless the registry has it, and verify the digest there.

    Transient failures (a registry that restarts, a connection that breaks) are tried again for
    `retry_for` seconds; a refusal is not.

    If someone else pushes a build of the same inputs under the tag at the same time, the result is
    the image that the tag now names.

    Raises:
        RegistryError: Refused, not reachable, or the tag now names an image of other inputs.
    """
    own_tag = not target.tag
    target = _with_default_tag(target, image.inputs)
    sent = {name.rpartition("@")[2] for name in image.pushed if _same(name, target)}
    known = _digest_or_none(engine, target, credentials) if sent else None
    if known and known in sent:
        return _pushed(image, target, known, already=True)

    retries = Retries(target, report, retry_for, sleep)

    def attempt() -> str:
        return transfer.push(engine, target, credentials, retries.watch)

    with tagged(engine, image.id, str(target)):
        digest = retries.call(attempt, lambda exc: exc.transient)
    answered = _answered(engine, target, credentials, replace(retries))
    if answered and answered != digest:
        if not _has_inputs(target.with_digest(answered), image.inputs, credentials):
            raise _moved(target, digest, answered, own_tag=own_tag)
        report(Output("the registry has another build of the same files under this tag; using it"))
    return _pushed(image, target, answered or digest, verified=answered is not None)


def published(
    engine: Engine, target: Reference, inputs: str, credentials: Credentials | None = None
) -> BuiltImage | None:
    """The image of these inputs that the repository has under the tag, from any machine. A build
    here would give another digest, since the times of the files in it differ.

    Its `pushed` is that digest only, so that every command names it in the same way.

    Args:
        engine: Describes the image if it has it, which saves requests to the registry.
        target: Where the image would be; without a tag, under the default one.
        inputs: The hash of all inputs, hexadecimal.
        credentials: The login for the registry.
    """
    target = _with_default_tag(target, inputs)
    digest = _digest_or_none(engine, target, credentials)
    if digest is None:
        return None
    try:
        found = inspect(engine, str(target.with_digest(digest))) or remote(target)
    except (ConfigError, RegistryError):  # not built by flowship, or not readable
        return None
    if found.inputs != inputs:
        return None
    name = str(target.with_tag(None).with_digest(digest))
    return replace(found, pushed=(name,), tags=tuple(dict.fromkeys((*found.tags, str(target)))))


def require_registry(
    target: Reference, inputs: str, credentials: Credentials | None = None
) -> None:
    """Make sure that the registry responds, whether it has the image or not.

    Raises:
        RegistryError: It does not respond, or rejects the credentials.
    """
    try:
        with RegistryClient(target.registry, credentials) as client:
            client.digest(_with_default_tag(target, inputs or "latest"))
    except RegistryFailure as exc:
        if exc.fault not in NOT_THERE and exc.fault not in REFUSALS:
            raise


def pushed_reference(image: BuiltImage, repository: Reference | None) -> str | None:
    """How a registry knows `image`, ``repo:tag@sha256:…``; None if it was not pushed.

    The names with digests that an engine lists prove nothing: Podman and docker's containerd store
    list one for every tag. So the registry is asked, in one request per name.

    Args:
        image: As the engine or a registry describes it.
        repository: Only in this repository, and under its tag if it has that; None: in any.

    Raises:
        RegistryError: The registry cannot be asked, and the engine's list proves nothing.
    """
    wanted = str(repository) if repository else None
    if image.from_registry:
        return pinned(image, wanted)
    for text in pinned_names(image, wanted):
        name = Reference.parse(text)
        # The containerd store lists the image's local name, which means Docker Hub elsewhere.
        is_local = repository is None and _same(image.reference, name)
        if not is_local and _is_confirmed(image, name, repository):
            return text
    return None


def _is_confirmed(image: BuiltImage, name: Reference, repository: Reference | None) -> bool:
    # The variables with a login are meant for the repository only.
    login = registry.credentials_for(repository or name, use_environment=repository is not None)
    try:
        with RegistryClient(name.registry, login) as client:
            client.digest(name)
    except RegistryFailure as exc:
        if exc.fault in NOT_THERE:
            return False
        # Only the containerd store uses the manifest's digest as the image's id. The classic
        # store lists a name with a digest only after a push or pull.
        if image.id != name.digest:
            return True
        if repository is None:
            return False
        raise RegistryError(
            f"cannot confirm that {name} was pushed: {exc.message}",
            code="push-not-confirmed",
            hint="`flowship ship` pushes and deploys in one command, and needs no confirmation",
            where=str(name),
            details=exc.details,
        ) from exc
    return True


def verify_login(registry_host: str, credentials: Credentials) -> str:
    """Ask the registry whether it accepts `credentials`; see `RegistryClient.verify_login`.

    The engine is asked only where there is no connection from here: it may be on another machine,
    behind another proxy, or trust a registry without a certificate ("insecure-registries").

    Raises:
        RegistryError: The registry rejects them, or answers neither here nor to the engine.
    """
    try:
        with RegistryClient(registry_host, credentials) as client:
            return client.verify_login()
    except RegistryFailure as exc:
        if exc.fault not in NO_CONNECTION:
            raise
        try:
            engine = connect()
        except EngineError:
            raise exc from None
        return transfer.verify_login(engine, registry_host, credentials)


# --- asking the registry -------------------------------------------------------------------------


def _only_for_the_engine(engine: Engine, target: Reference) -> bool:
    """Whether the address means another registry here than it means to the engine."""
    return engine.is_remote and registry.is_loopback(target.registry)


def _digest_or_none(
    engine: Engine, target: Reference, credentials: Credentials | None
) -> str | None:
    """The registry's digest for the tag; None if it has none or cannot be asked: if there is a
    problem, the push reports it."""
    if _only_for_the_engine(engine, target):
        return None
    try:
        return _digest(target, credentials)
    except RegistryError:
        return None


def _digest(target: Reference, credentials: Credentials | None) -> str:
    with RegistryClient(target.registry, credentials) as client:
        return client.digest(target)


def _answered(
    engine: Engine, target: Reference, credentials: Credentials | None, retries: Retries
) -> str | None:
    """The registry's digest for the tag after a push; None if it cannot be asked.

    Then the digest is the one that the engine computed from the bytes that the registry accepted,
    which is as good unless someone else pushed the same tag at the same time.
    """
    if _only_for_the_engine(engine, target):
        retries.report(Output(f"{target.registry} is on the engine's machine; digest not verified"))
        return None
    try:
        return retries.call(
            lambda: _digest(target, credentials),
            lambda exc: exc.transient and exc.fault not in NO_CONNECTION,
        )
    except RegistryError as exc:
        if isinstance(exc, RegistryFailure) and exc.fault in NOT_THERE:
            raise
        retries.report(Output(f"{_why_not_verified(exc, target)}; digest not verified"))
        return None


def _why_not_verified(exc: RegistryError, target: Reference) -> str:
    if isinstance(exc, RegistryFailure) and exc.fault in REFUSALS:
        return f"no pull permission at {target.registry}"
    if isinstance(exc, RegistryFailure) and exc.fault in NO_CONNECTION:
        return f"no connection to {target.registry} from this machine"
    return exc.message


def _has_inputs(target: Reference, inputs: str, credentials: Credentials | None) -> bool:
    """Whether the image was built from these inputs; False if the registry does not say."""
    try:
        with RegistryClient(target.registry, credentials) as client:
            return client.describe(target).labels.get(f"{LABEL}.inputs") == inputs
    except (ConfigError, RegistryError):
        return False


def _moved(target: Reference, pushed: str, answered: str, *, own_tag: bool) -> RegistryError:
    """The error where someone else pushed other files under the tag at the same time."""
    instead = (
        "run the command again"
        if own_tag
        else "leave the tag out: flowship then uses one that only these files have"
    )
    return RegistryError(
        f"the image {target} in the registry is not the one that was pushed",
        code="registry-tag-moved",
        hint=f"another image was pushed under this tag at the same time; {instead}",
        where=str(target),
        details=f"pushed:   {pushed}\nregistry: {answered}",
    )


# --- values --------------------------------------------------------------------------------------


def _with_default_tag(target: Reference, inputs: str) -> Reference:
    return target if target.tag else target.with_tag(inputs[:12])


def _same(name: str, target: Reference) -> bool:
    return Reference.parse(name).repository == target.repository


def _pushed(
    image: BuiltImage,
    target: Reference,
    digest: str,
    *,
    already: bool = False,
    verified: bool = True,
) -> PushedImage:
    return PushedImage(
        reference=str(target.with_digest(digest)),
        repository=target.repository,
        tag=str(target.tag),
        digest=digest,
        size=image.size,
        already=already,
        verified=verified,
    )
