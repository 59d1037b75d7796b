"""The build, push and pull steps of a ``prefect.yaml``, as flowship's settings of the image."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowship.config.settings import FLOWS_DIR
from flowship.project.prefect_yaml.document import Items, Left, Table
from flowship.project.prefect_yaml.placeholders import translated, unknown, usable

SECTIONS = ("build", "push", "pull")

IN_IMAGE = "the code is in the image, so a run does not need this step"

STORED_CODE = re.compile(r"(git_clone|push_to_|pull_from_|pull_with_block|git_clone_project)")

WITHOUT_EFFECT = {
    "id": "",
    "requires": "",
    "push": "",
    "ignore_cache": "",
    "persist_dockerfile": "",
    "dockerfile_output_path": "",
    "stream_output": "",
    "build_backend": "",
    "path": "the build context is the project's folder: set context for another one",
    "additional_tags": "flowship pushes one tag, which names the inputs: `flowship push --repo`"
    " adds another one",
    "credentials": "flowship uses the login of docker: `flowship login`",
}
"""Options of the docker steps that are not settings; with the reason if they had an effect."""


@dataclass(frozen=True)
class Found:
    """What one step says: settings, or a reason why it is left behind."""

    settings: Mapping[str, Any]
    left: tuple[Left, ...] = ()


def translate(section: str, steps: object, above: str = "", line: int = 1) -> Found:
    """The settings that a section of steps stands for.

    Args:
        section: ``build``, ``push`` or ``pull``.
        steps: Its value in the file: a list, one step, or nothing.
        above: The keys above it, with a dot at the end.
        line: Where the section begins.
    """
    settings: dict[str, Any] = {}
    given = _given(steps, line)
    left = [
        Left(at, f"{above}{section}", "it is not a step")
        for step, at in given
        if not isinstance(step, Table) or not step
    ]
    for name, options, at in _steps([step for step, _ in given]):
        short = name.rpartition(".")[2]
        key = f"{above}{section}.{short}"
        found = TRANSLATIONS.get(short, _without_counterpart)(key, options, at)
        settings |= found.settings
        left += found.left
    return Found(settings, tuple(left))


def _given(steps: object, line: int) -> list[tuple[object, int]]:
    """Each item of a section and its line."""
    if isinstance(steps, Items):
        return list(zip(steps, steps.lines, strict=True))
    return [] if steps in (None, "", {}) else [(steps, line)]


def _steps(steps: Iterable[object]) -> Iterator[tuple[str, Table, int]]:
    """Name, options and line of each step."""
    for step in steps:
        if not isinstance(step, Table) or not step:
            continue
        name = next(iter(step))
        options = step[name]
        if not isinstance(options, Table):  # written next to the step's name instead of below it
            options = Table(step.line_of(name))
            options.update({key: value for key, value in step.items() if key != name})
            options.lines = step.lines
        yield name, options, step.line_of(name)


def _build_docker_image(key: str, options: Table, line: int) -> Found:
    settings: dict[str, Any] = {}
    left = []
    for name, value in options.items():
        at = options.line_of(name)
        if name == "tag":
            left += _tag(f"{key}.tag", value, at)
        elif name in SETTINGS:
            found, reasons = _setting(name, value)
            settings |= found
            left += [Left(at, f"{key}.{name}", reason) for reason in reasons]
        elif name not in WITHOUT_EFFECT:
            left.append(Left(at, f"{key}.{name}", "flowship does not set this option of a build"))
        elif WITHOUT_EFFECT[name] and value and value != ".":
            left.append(Left(at, f"{key}.{name}", WITHOUT_EFFECT[name]))
    return Found(settings, tuple(left))


def _setting(name: str, value: object) -> tuple[dict[str, Any], list[str]]:
    """What one option of a build sets, and why it, or a part of it, does not."""
    kind = dict if name == "buildargs" else str
    if value in (None, "", {}):
        return {}, []
    if not isinstance(value, kind):
        return {}, ["it is not a mapping" if kind is dict else "it is not text"]
    if placeholder := unknown(value) if kind is str else "":
        return {}, [f"flowship has no counterpart for {placeholder}"]
    kept, reasons = usable(value)
    return SETTINGS[name](kept), reasons


SETTINGS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "image_name": lambda value: {"repo": value},
    "dockerfile": lambda value: {} if value == "auto" else {"dockerfile": _plain(value)},
    "platform": lambda value: {"platform": value},
    "buildargs": lambda value: {"build-args": {k: str(v) for k, v in value.items()}},
}


def _plain(path: str) -> str:
    return path.removeprefix("./")


def _tag(key: str, value: object, line: int) -> list[Left]:
    if value in (None, ""):
        return []
    reason = "each image has a tag of its own, which names its inputs, and a deployment its digest"
    fixed = "" if unknown(value) else f': for this tag write repo = "…:{translated(value)}"'
    return [Left(line, key, reason + fixed)]


def _push_docker_image(key: str, options: Table, line: int) -> Found:
    settings: dict[str, Any] = {}
    left = []
    for name, value in options.items():
        at = options.line_of(name)
        if unknown(value) or value in (None, "", [], {}):  # often the output of the build step
            continue
        if name == "image_name":
            settings, reasons = _setting(name, value)
            left += [Left(at, f"{key}.{name}", reason) for reason in reasons]
        elif name == "tag":
            left += _tag(f"{key}.tag", value, at)
        elif name not in WITHOUT_EFFECT:
            left.append(Left(at, f"{key}.{name}", "flowship does not set this option of a push"))
        elif WITHOUT_EFFECT[name]:
            left.append(Left(at, f"{key}.{name}", WITHOUT_EFFECT[name]))
    return Found(settings, tuple(left))


def _set_working_directory(key: str, options: Table, line: int) -> Found:
    directory = options.get("directory")
    if directory in (None, FLOWS_DIR):
        return Found({})
    reason = f"the project is in {FLOWS_DIR}, where each run starts: change paths that name"
    return Found({}, (Left(line, key, f"{reason} {directory}"),))


def _run_shell_script(key: str, options: Table, line: int) -> Found:
    script = str(options.get("script") or "").strip()
    if re.fullmatch(r"git (rev-parse|describe)\b.*", script):
        reason = "flowship records the git revision in the image and in the deployment"
    else:
        reason = "flowship runs no scripts: run it before `flowship ship`, or in a Dockerfile"
    return Found({}, (Left(line, key, reason),))


def _pip_install_requirements(key: str, options: Table, line: int) -> Found:
    file = options.get("requirements_file") or "requirements.txt"
    if not isinstance(file, str) or unknown(file):
        return Found({}, (Left(line, key, "set requirements = … to the file"),))
    folder = _plain(str(options.get("directory") or ""))
    inside = folder and not folder.startswith("/") and not unknown(folder)
    return Found(
        {"requirements": f"{folder.rstrip('/')}/{_plain(file)}" if inside else _plain(file)}
    )


def _without_counterpart(key: str, options: Table, line: int) -> Found:
    known = STORED_CODE.search(key.rpartition(".")[2])
    return Found({}, (Left(line, key, IN_IMAGE if known else "flowship has no such step"),))


TRANSLATIONS: Mapping[str, Callable[[str, Table, int], Found]] = {
    "build_docker_image": _build_docker_image,
    "push_docker_image": _push_docker_image,
    "set_working_directory": _set_working_directory,
    "run_shell_script": _run_shell_script,
    "pip_install_requirements": _pip_install_requirements,
}
