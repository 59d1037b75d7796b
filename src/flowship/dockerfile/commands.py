"""The shell commands of RUN instructions."""

from __future__ import annotations

import json
import posixpath
import re

from flowship.dockerfile.stages import Step

# Commands that install or clean up, and never add files of the project.
_HARMLESS = frozenset(
    {"apt-get", "apt", "apk", "yum", "dnf", "microdnf", "pip", "pip3", "uv", "poetry", "pipenv"}
    | {"conda", "mamba", "micromamba", "npm", "rm", "rmdir", "mkdir", "chmod", "chown", "chgrp"}
    | {"useradd", "adduser", "groupadd", "addgroup", "usermod", "echo", "printf", "set", "export"}
    | {"true", "false", ":", "test", "[", "cd", "locale-gen", "ldconfig", "ls", "which", "command"}
    | {"update-ca-certificates", "prefect", "id", "env", "sync", "type"}
)


def is_harmless(step: Step) -> bool:
    """Whether a RUN certainly adds no file of the project to the image."""
    if step.instruction.heredocs:
        return False
    text = re.sub(r"\"[^\"]*\"|'[^']*'", "quoted", command_of(step))
    text = re.sub(r"\d?>&\d|\d?>\s*/dev/null|>=", "", text)
    if ">" in text:
        return False
    return all(_is_harmless_command(part) for part in re.split(r"&&|\|\||[;|&\n]", text))


def _is_harmless_command(command: str) -> bool:
    words = [w for w in command.split() if not re.match(r"\w+=", w)]
    if not words:
        return True
    name = posixpath.basename(words[0].strip("\"'"))
    if re.fullmatch(r"python[\d.]*", name):
        return words[1:3] in (["-m", "pip"], ["-m", "venv"], ["-m", "ensurepip"])
    return name in _HARMLESS


def command_of(step: Step) -> str:
    """The command of a RUN as one line; the JSON form is joined with spaces."""
    text = step.instruction.rest.text
    if text.startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return " ".join(words)
    return text
