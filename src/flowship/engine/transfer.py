"""What the engine does at registries: it pulls, pushes, and logs in."""

from __future__ import annotations

from flowship import registry
from flowship.engine.client import Engine
from flowship.engine.errors import registry_errors
from flowship.events import Report, Transfer
from flowship.registry import Credentials, PushStream, Reference


def pull(
    engine: Engine,
    reference: str,
    platform: str | None,
    report: Report,
    *,
    use_environment: bool = False,
) -> None:
    """Pull an image, with the credentials that docker's configuration has for its registry.

    Args:
        engine: The engine.
        reference: The image.
        platform: Which one of several; None for the engine's.
        report: Receives the progress.
        use_environment: Use the login in variables too, which is for the project's repository.

    Raises:
        RegistryError: The registry refuses, does not have the image, or does not answer.
    """
    target = Reference.parse(reference)
    credentials = registry.credentials_for(target, use_environment=use_environment)
    with registry_errors(target, "pull", credentials):
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


def push(engine: Engine, target: Reference, credentials: Credentials | None, report: Report) -> str:
    """Push the image that the engine has under the name `target`.

    Returns:
        The digest of the manifest that the engine uploaded.

    Raises:
        RegistryError: The registry refuses, does not answer, or breaks off.
    """
    with registry_errors(target, "push", credentials):
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


def verify_login(engine: Engine, registry_host: str, credentials: Credentials) -> str:
    """Ask the registry, through the engine, whether it accepts `credentials`.

    Returns:
        The identity token that some registries give instead of a password; else "".

    Raises:
        RegistryError: It rejects them, or does not answer.
    """
    with registry_errors(registry_host, "login", credentials):
        answer = engine.api.login(
            credentials.username,
            credentials.password.get_secret_value(),
            registry=registry.server_address(registry_host),
            reauth=True,
        )
    return str(answer.get("IdentityToken") or "")


def _auth(target: Reference, credentials: Credentials | None) -> dict[str, str] | None:
    """What the engine sends to the registry."""
    return credentials.auth_config(target.registry) if credentials else None
