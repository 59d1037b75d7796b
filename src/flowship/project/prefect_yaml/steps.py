"""The build, push and pull steps of a ``prefect.yaml``, as flowship's settings of the image."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowship.config.settings import FLOWS_DIR
from flowship.project.prefect_yaml.document import Items, Left, Table
from flowship.project.prefect_yaml.placeholders import translated, unknown

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


def translate(section: str, steps: object, above: str = "") -> Found:
    """The settings that a section of steps stands for.

    Args:
        section: ``build``, ``push`` or ``pull``.
        steps: Its value in the file: a list, one step, or nothing.
        above: The keys above it, with a dot at the end.
    """
    settings: dict[str, Any] = {}
    left: list[Left] = []
    for name, options, at in _steps(steps):
        short = name.rpartition(".")[2]
        key = f"{above}{section}.{short}"
        found = TRANSLATIONS.get(short, _without_counterpart)(key, options, at)
        settings |= found.settings
        left += found.left
    return Found(settings, tuple(left))


def _steps(steps: object) -> Iterator[tuple[str, Table, int]]:
    """Name, options and line of each step."""
    for step in steps if isinstance(steps, Items) else [steps]:
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
        elif name in SETTINGS and not unknown(value):
            settings |= SETTINGS[name](translated(value))
        elif name in SETTINGS:
            reason = f"flowship has no counterpart for {unknown(value)}"
            left.append(Left(at, f"{key}.{name}", reason))
        elif name not in WITHOUT_EFFECT:
            left.append(Left(at, f"{key}.{name}", "flowship does not set this option of a build"))
        elif WITHOUT_EFFECT[name] and value and value != ".":
            left.append(Left(at, f"{key}.{name}", WITHOUT_EFFECT[name]))
    return Found(settings, tuple(left))


SETTINGS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "image_name": lambda value: {"repo": value},
    "dockerfile": lambda value: {} if value in ("auto", None) else {"dockerfile": _plain(value)},
    "platform": lambda value: {"platform": value} if value else {},
    "buildargs": lambda value: {"build-args": {k: str(v) for k, v in (value or {}).items()}},
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
    left = [
        Left(options.line_of(name), f"{key}.{name}", WITHOUT_EFFECT[name])
        for name, value in options.items()
        if WITHOUT_EFFECT.get(name) and value
    ]
    name = options.get("image_name")
    settings = {} if unknown(name) or not name else {"repo": translated(name)}
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
    file = str(options.get("requirements_file") or "requirements.txt")
    if unknown(file):
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
