"""Requests to a real Prefect server, as its UI sends them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

BUSY_ATTEMPTS = 10


def ask(api_url: str, path: str, body: object = None, method: str | None = None) -> Any:  # noqa: ANN401 JSON
    """One request to a Prefect API; again while its SQLite is busy (503)."""
    request = urllib.request.Request(
        api_url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    for attempt in range(BUSY_ATTEMPTS):
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                text = response.read()
            break
        except urllib.error.HTTPError as exc:
            if exc.code != HTTPStatus.SERVICE_UNAVAILABLE or attempt == BUSY_ATTEMPTS - 1:
                raise
            time.sleep(0.2 * (attempt + 1))
    return json.loads(text) if text else None
