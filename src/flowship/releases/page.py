"""The artifact of a release: a page for the Prefect UI, with the release itself in a comment.

The UI renders Markdown and shows no comment on the page; its tab "Raw" shows all of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from flowship.releases.record import Release, ReleasedDeployment, ReleasedImage

BEGIN, END = "<!-- flowship-release\n", "\n-->"
MOST_SHOWN = 50
"""Operations; the others are counted."""
MOST_SUMMED_UP = 20
"""Changes in the sentence above them, likewise."""


def write(release: Release) -> str:
    """The page as Markdown, and the release as JSON at its end."""
    data = json.dumps(release.to_json(), separators=(",", ":"))
    data = data.replace("<", "\\u003c").replace(">", "\\u003e")  # nothing may end the comment
    return "\n".join([*_page(release), BEGIN + data + END, ""])


def read(text: object) -> Any:  # noqa: ANN401 JSON
    """The JSON of an artifact; None if it holds none. Of format 1 it is the artifact itself."""
    if not isinstance(text, str):
        return text
    _, begin, rest = text.rpartition(BEGIN)
    data, end, _ = rest.partition(END)
    if not begin or not end:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _page(release: Release) -> Iterator[str]:
    yield f"# Release {release.number} of {_plain(release.project)}"
    yield ""
    in_environment = f" in {_plain(release.environment)}" if release.environment else ""
    yield f"`flowship {_code(release.made_by)}`{in_environment} by {_code_span(release.who)}."
    if release.incomplete:
        yield f"\n**Not everything was deployed:** {_plain(release.incomplete)}"
    yield "\n## Images\n"
    yield from _table(("image", "git revision", "reference"), map(_image, release.images))
    yield "\n## Deployments\n"
    heads = ("deployment", "schedules", "parameters")
    yield from _table(heads, map(_deployment, release.deployments))
    if alerts := [name for image in release.images for name in image.alert_names]:
        yield "\n## Alerts\n"
        yield from (f"- {_code_span(name)}" for name in alerts)
    from flowship.releases.words import changes  # late: a page that is read needs no words

    yield "\n## What changed\n"
    summary = changes(release)
    more = f"; and {len(summary) - MOST_SUMMED_UP} more" * (len(summary) > MOST_SUMMED_UP)
    yield f"{_plain('; '.join(summary[:MOST_SUMMED_UP]))}{more}\n"
    for operation in release.operations[:MOST_SHOWN]:
        about = (operation.get("action"), operation.get("resource"))
        named = _code_span(str(operation.get("name", "")))
        yield f"- {' '.join(map(_plain, about))} {named}: {_plain(operation.get('reason'))}"
    left = len(release.operations) - MOST_SHOWN
    if left > 0:
        yield f"- and {left} more"
    environment = f" --env {_code(release.environment)}" if release.environment else ""
    yield f"\n`flowship rollback {release.number}{environment}` deploys this release again.\n"


def _image(image: ReleasedImage) -> tuple[str, ...]:
    revision = f"{image.commit[:12]}{', with changes' if image.dirty else ''}"
    return _plain(image.label), _plain(revision), _code_span(image.reference)


def _deployment(each: ReleasedDeployment) -> tuple[str, ...]:
    schedules = [s.words + ("" if s.active else " (paused)") for s in each.schedules]
    given = [f"{name}={json.dumps(value)}" for name, value in each.parameters.items()]
    return (
        _plain(each.full_name),
        "<br>".join(map(_plain, schedules)),
        "<br>".join(map(_code_span, given)),
    )


def _table(heads: tuple[str, ...], rows: Any) -> Iterator[str]:  # noqa: ANN401 - any iterable
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _plain(text: object) -> str:
    """Text that Markdown and HTML take for nothing else, on one line. Prefect's UI shows entities
    such as ``&#95;`` as they are, so each character has a backslash."""
    words = " ".join(str(text if text is not None else "").split())
    return re.sub(r"([\\`*_{}\[\]()#+!|<>&~])", r"\\\1", words)


def _code(text: str) -> str:
    words = text.replace("`", "'").replace("|", "\\|").replace("<!--", "< !--")
    return " ".join(words.split())


def _code_span(text: str) -> str:
    return f"`{_code(text)}`" if text.strip() else ""
