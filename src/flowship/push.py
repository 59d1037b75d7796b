"""Takes an image to a registry, and makes sure that it arrived there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import docker.errors
import requests.exceptions

from flowship import registry
from flowship.engine import Engine, auth, engine_errors, registry_errors
from flowship.events import Output, Report, Transfer, silent
from flowship.image import BuiltImage
from flowship.registry import Credentials, PushStream, Reference, RegistryFault

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
    new_tag = str(target) not in image.tags
    with engine_errors(f"tagging {target}"):
        engine.api.tag(image.id, target.repository, target.tag)
    try:
        digest = _push_until_done(engine, target, credentials, report, sleep)
    except BaseException:
        if new_tag:  # nothing half-done: the name would say that it was pushed
            with engine_errors("untagging"):
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
    """The digest that the registry answers for `target`; None when it does not answer one."""
    try:
        found = engine.api.inspect_distribution(
            str(target), auth_config=auth(target, credentials) or {}
        )
    except (docker.errors.APIError, requests.exceptions.RequestException):
        return None  # not there, or not reachable: the push itself says which, in its own words
    return str(found["Descriptor"]["digest"])
