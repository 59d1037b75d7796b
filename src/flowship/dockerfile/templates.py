"""Renders a Jinja template; a project's own one in a process with limits.

A project's template is the project's code. Jinja's sandbox keeps it from Python's internals and
therefore from files and commands. A loop without an end or a text of gigabytes is still possible
there, so this file is also a script: `flowship.dockerfile.render` starts it, it limits its own
time and memory, reads a request from stdin and writes the answer to stdout, both in JSON. Started
like that it can import nothing of flowship.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

SECONDS = 5
"""Of processor time for a project's template; flowship's own needs a few milliseconds."""

LONGEST = 1 << 20  # characters of a Dockerfile
_MEMORY = 1 << 29  # bytes, the interpreter included

# What an expression in a template may raise besides jinja2.TemplateError.
_ERRORS_IN_EXPRESSIONS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def render(request: Mapping[str, Any]) -> dict[str, Any]:
    """Render a template.

    Args:
        request: ``name`` of the template, ``variables`` for it, the ``shipped`` folder with
            flowship's templates, and the project's ``root`` folder.

    Returns:
        ``text``, or ``error`` (what Jinja says, or a kind: "recursion", "limit", "length") with
        ``file`` and ``line`` where known.
    """
    import jinja2  # imported here because no other command needs it

    try:
        return _bounded(_environment(request).get_template(request["name"]), request["variables"])
    except RecursionError:
        return {"kind": "recursion"}
    except MemoryError:
        return {"kind": "limit"}
    except (jinja2.TemplateError, *_ERRORS_IN_EXPRESSIONS, OSError) as exc:
        return {"error": str(exc)[:2000], **_place(exc, (request["root"], request["shipped"]))}


def _bounded(template: jinja2.Template, variables: Mapping[str, Any]) -> dict[str, Any]:
    parts, length = [], 0
    for part in template.generate(variables):
        length += len(part)
        if length > LONGEST:
            return {"kind": "length"}
        parts.append(part)
    return {"text": "".join(parts)}


def _environment(request: Mapping[str, Any]) -> jinja2.Environment:
    """Finds the project's own templates, and flowship's below ``flowship/``."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    root = os.path.realpath(request["root"])

    def load(name: str) -> tuple[str, str, None] | None:
        path = Path(request["root"], *jinja2.loaders.split_template_path(name))
        # A link may lead out of the project, to a file that is not for the image.
        if not is_file(path) or not os.path.realpath(path).startswith(root + os.sep):
            return None
        with path.open(encoding="utf-8") as file:
            return file.read(LONGEST), str(path), None

    shipped = jinja2.PrefixLoader({"flowship": jinja2.FileSystemLoader(request["shipped"])})
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([shipped, jinja2.FunctionLoader(load)]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quote": shlex.quote, "copy": _copy_words}
    return environment


def is_file(path: Path) -> bool:
    """Whether `path` is a regular file; False for a name that is too long."""
    try:
        return path.is_file()
    except OSError:
        return False


def _copy_words(entry: Mapping[str, str]) -> str:
    """Source and destination; in JSON form, with ``$`` escaped, if they have special characters."""
    words = [entry["source"], entry["destination"]]
    if all(re.fullmatch(r"[\w./@%+=:,*?-]+", word) for word in words):
        return " ".join(words)
    escaped = [re.sub(r"([\\$'\"])", r"\\\1", word) for word in words]
    return json.dumps(escaped, ensure_ascii=False)


def _place(exc: Exception, folders: tuple[str, ...]) -> dict[str, Any]:
    """File and line in the template, which Jinja puts into the error or its traceback."""
    if getattr(exc, "lineno", None) is not None:
        return {"file": getattr(exc, "filename", None), "line": getattr(exc, "lineno", None)}
    place: dict[str, Any] = {}
    for frame in traceback.extract_tb(exc.__traceback__):
        if frame.filename.startswith(folders) and not frame.filename.endswith(".py"):
            place = {"file": frame.filename, "line": frame.lineno}
    return place


# --- as a script ---------------------------------------------------------------------------------


def _limit() -> None:
    """Limit this process's time and memory, as far as the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _main() -> None:
    request = json.load(sys.stdin)
    # flowship may have been started with a path that an isolated interpreter does not have.
    sys.path += [p for p in request["path"] if Path(p).is_absolute() and p not in sys.path]
    _limit()
    json.dump(render(request), sys.stdout)


if __name__ == "__main__":
    _main()
