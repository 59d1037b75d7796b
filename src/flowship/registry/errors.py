"""Turns the text of an engine or a registry into the error to raise."""

from __future__ import annotations

from flowship.errors import RegistryError
from flowship.redaction import MASK, mask_addresses
from flowship.registry import vendors
from flowship.registry.credentials import VARIABLES, Credentials
from flowship.registry.faults import Doing, Fault, Rule, classify, rule_of
from flowship.registry.reference import Reference

_CORRECT_VARIABLES = (
    f"correct {' and '.join(VARIABLES)}, which override what `flowship login` stores; or unset both"
)


class RegistryFailure(RegistryError):
    """A `RegistryError` made from the text of an engine or a registry.

    Attributes:
        fault: What went wrong, for decisions; the message is for people.
        transient: Whether the same request is worth another try.
    """

    def __init__(self, rule: Rule, message: str, *, hint: str, where: str, details: str) -> None:
        super().__init__(message, code=rule.fault.code, hint=hint, where=where, details=details)
        self.fault = rule.fault
        self.transient = rule.transient


def translate(
    text: str,
    reference: Reference | str,
    *,
    status: int | None = None,
    doing: Doing,
    credentials: Credentials | None = None,
) -> RegistryFailure:
    """The error to raise for the text of an engine or a registry.

    Args:
        text: The ``error`` of a stream's event, or an API error's explanation.
        reference: The image, or for a login the registry.
        status: The HTTP status, if there is one.
        doing: What was being done.
        credentials: What was sent along; None if nothing was.
    """
    rule = _in_context(classify(text, status), doing, credentials)
    words = vendors.words(reference, credentials)
    if doing == "login" and credentials:
        words["who"] = f"as {credentials.username}"
    return RegistryFailure(
        rule,
        _message(rule, doing, credentials).format(**words),
        hint=_hint(rule, reference, doing, credentials).format(**words),
        where="" if doing == "login" else str(reference),  # a login's message names the registry
        details=_without_secrets(text.strip(), credentials),
    )


def _in_context(rule: Rule, doing: Doing, credentials: Credentials | None) -> Rule:
    """The same text means something else during a login, or without credentials."""
    if doing == "login" and rule.fault in {Fault.DENIED, Fault.UNAUTHORIZED, Fault.SCOPE}:
        return rule_of(Fault.WRONG_PASSWORD)
    if doing == "login" and rule.fault is Fault.UNKNOWN_IMAGE:
        return rule_of(Fault.NOT_A_REGISTRY)
    if rule.fault is Fault.SCOPE and (doing == "pull" or not credentials):
        return rule_of(Fault.DENIED)
    return rule


def _message(rule: Rule, doing: Doing, credentials: Credentials | None) -> str:
    if rule.fault is Fault.UNAUTHORIZED and credentials:
        return "{registry} rejected the credentials ({who})"
    if doing == "pull" and rule.pull:
        return rule.pull
    return rule.message


def _hint(
    rule: Rule, reference: Reference | str, doing: Doing, credentials: Credentials | None
) -> str:
    if doing == "login" and rule.fault is Fault.WRONG_PASSWORD:
        return "{password}"
    if rule.hint == "{login}" and credentials and credentials.source in VARIABLES:
        return _CORRECT_VARIABLES
    if rule.fault in {Fault.DENIED, Fault.SCOPE} and isinstance(reference, Reference):
        own = vendors.own_repository(reference, credentials)
        if own and credentials:
            owner = reference.path.partition("/")[0]
            user = credentials.username.lower()
            return f'"{owner}" must give {user} permission; did you mean `--repo {own}`?'
    return rule.hint


def _without_secrets(text: str, credentials: Credentials | None) -> str:
    if credentials and (secret := credentials.password.get_secret_value()):
        text = text.replace(secret, MASK)
    return mask_addresses(text)
