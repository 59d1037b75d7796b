"""The engine's events of a push: the progress of each layer, the digest, or the error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowship.registry.credentials import Credentials
from flowship.registry.errors import translate
from flowship.registry.reference import DIGEST, Reference


@dataclass(frozen=True)
class LayerProgress:
    """The progress of one layer.

    Attributes:
        layer: The layer's short id.
        status: The engine's word: Preparing, Waiting, Pushing, Pushed, Layer already exists,
            Mounted from …, Retrying in 5 seconds.
        current: Bytes sent.
        total: Bytes to send, None if the engine does not say.
    """

    layer: str
    status: str
    current: int = 0
    total: int | None = None


@dataclass
class PushStream:
    """The decoded events of one push; iterate to the end, then read `digest`.

    Engines answer a push with HTTP 200 before they know whether it works, so the error is in one
    of the events. Unknown events are ignored.

    Attributes:
        events: What docker-py's ``push(..., stream=True, decode=True)`` yields.
        reference: What is being pushed.
        credentials: What was sent along; only for the text of an error.
    """

    events: Iterable[Mapping[str, Any]]
    reference: Reference
    credentials: Credentials | None = None
    _digest: str = field(default="", init=False)

    def __iter__(self) -> Iterator[LayerProgress]:
        """Yield each layer's progress.

        Raises:
            RegistryFailure: The engine or the registry reported an error.
        """
        for event in self.events:
            self._raise_error(event)
            self._note_digest(event)
            progress = _layer_progress(event)
            if progress:
                yield progress

    @property
    def digest(self) -> str:
        """``sha256:…`` of the manifest that the registry accepted.

        Raises:
            RegistryFailure: The stream ended without one: the push was cut off.
        """
        if not self._digest:
            raise translate(
                "unexpected EOF: the push ended without a digest",
                self.reference,
                doing="push",
                credentials=self.credentials,
            )
        return self._digest

    def _raise_error(self, event: Mapping[str, Any]) -> None:
        detail = event.get("errorDetail")
        text = event.get("error") or (detail.get("message") if isinstance(detail, dict) else None)
        if not text and not detail:
            return
        raise translate(
            str(text or detail), self.reference, doing="push", credentials=self.credentials
        )

    def _note_digest(self, event: Mapping[str, Any]) -> None:
        aux = event.get("aux")
        digest = aux.get("Digest") if isinstance(aux, dict) else None
        if not digest:  # engines before API 1.10, and Podman, only have the sentence
            found = re.search(r"\bdigest: (sha256:[a-f0-9]{64})\b", str(event.get("status", "")))
            digest = found[1] if found else None
        if isinstance(digest, str) and re.fullmatch(DIGEST, digest):
            self._digest = digest


def _layer_progress(event: Mapping[str, Any]) -> LayerProgress | None:
    layer, status = event.get("id"), event.get("status")
    if not isinstance(layer, str) or not isinstance(status, str):
        return None
    detail = event.get("progressDetail")
    detail = detail if isinstance(detail, dict) else {}
    current, total = detail.get("current"), detail.get("total")
    return LayerProgress(
        layer,
        status,
        current if isinstance(current, int) else 0,
        total if isinstance(total, int) and total > 0 else None,
    )
