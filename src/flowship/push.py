"""Takes an image to a registry, makes sure that it arrived there, and knows it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flowship import registry
from flowship.engine.client import Engine, auth, engine_errors, look_up, registry_errors
from flowship.errors import ConfigError, EngineError, RegistryError
from flowship.events import Output, Report, Transfer, silent
from flowship.image import BuiltImage, inspect, remote
from flowship.registry import Credentials, PushStream, Reference, RegistryFailure

REFUSALS = {"denied", "unauthorized", "scope"}  # of `registry.faults`
PATIENCE = 120  # seconds after which a failing push is not tried again


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
    with _tagged(engine, image, target):
        digest = _patiently(lambda: _push_once(engine, target, credentials, report), report, sleep)
    _verify(engine, target, digest, credentials, report, sleep)
    return _pushed(image, target, digest)


@contextmanager
def _tagged(engine: Engine, image: BuiltImage, target: Reference) -> Iterator[None]:
    """Name the image as its registry will. Where the push fails the name goes back to what it
    was: it would say that this image was pushed."""
    before = look_up(engine, str(target))
    with engine_errors(f"tagging {target}"):
        engine.api.tag(image.id, target.repository, target.tag)
    try:
        yield
    except BaseException:
        with engine_errors("untagging"):
            if before is None:
                engine.api.remove_image(str(target), noprune=True)
            else:
                engine.api.tag(before["Id"], target.repository, target.tag)
        raise


def published(
    engine: Engine, target: Reference, inputs: str, credentials: Credentials | None = None
) -> BuiltImage | None:
    """The image of these inputs as its registry describes it: another laptop, or CI, built and
    pushed it. A build here would be another image, with other times in it and another digest.

    Args:
        engine: Asks the registry first: most often there is no such image.
        target: Where it would be; without a tag, under that of a push without one.
        inputs: The hash of all inputs, hexadecimal.
        credentials: Who to be there.
    """
    target = target if target.tag else target.with_tag(inputs[:12])
    digest = _digest_in_registry(engine, target, credentials)
    if digest is None:
        return None
    try:  # the engine knows what it pushed there itself, and a question to it costs nothing
        found = inspect(engine, str(target.with_digest(digest))) or remote(str(target))
    except (ConfigError, RegistryError):  # not ours, or only the engine gets there
        return None
    return found if found.inputs == inputs else None


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


def _verify(
    engine: Engine,
    target: Reference,
    digest: str,
    credentials: Credentials | None,
    report: Report,
    sleep: Callable[[float], None],
) -> None:
    """Compare what the registry now has under the name with what was sent."""
    try:
        answered = _patiently(lambda: _ask_digest(engine, target, credentials), report, sleep)
    except RegistryFailure as exc:
        if exc.fault not in REFUSALS:
            raise
        # A token that may push and not pull, as CI is given one: the digest is then what the
        # engine computed of the bytes that the registry took.
        report(Output(f"{target.registry} lets nobody read this back: not compared"))
        return
    registry.check_digest(digest, answered, target)


def _patiently(
    attempt_once: Callable[[], str], report: Report, sleep: Callable[[float], None]
) -> str:
    """Try again what a registry's passing failure broke, for as long as that makes sense."""
    began = time.monotonic()
    for attempt in range(1, registry.ATTEMPTS + 1):
        try:
            return attempt_once()
        except RegistryFailure as exc:
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
    with registry_errors(target, "push", credentials):
        events = engine.api.push(
            target.repository,
            tag=target.tag,
            stream=True,
            decode=True,
            auth_config=auth(target, credentials) or {},
        )
        stream = PushStream(events, target, credentials)
        for layer in stream:
            report(Transfer(layer.layer, layer.status, layer.current, layer.total or 0))
        return stream.digest


def _digest_in_registry(
    engine: Engine, target: Reference, credentials: Credentials | None
) -> str | None:
    """What the registry has under the name; None where it does not answer: the push itself says
    why, in its own words."""
    try:
        return _ask_digest(engine, target, credentials)
    except (RegistryFailure, EngineError):
        return None


def _ask_digest(engine: Engine, target: Reference, credentials: Credentials | None) -> str:
    with registry_errors(target, "pull", credentials):
        found = engine.api.inspect_distribution(
            str(target), auth_config=auth(target, credentials) or {}
        )
    return str(found["Descriptor"]["digest"])
