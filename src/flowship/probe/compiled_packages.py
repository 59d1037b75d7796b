"""Compiled packages that do not fit the image: its libraries, its platform, its numpy.

An extension module that cannot be loaded is known by its file, which the import system names.
Everything else is recognized by the text of the dynamic loader or of the package: that is all that
they give.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from flowship.config.settings import FLOWS_DIR
from flowship.probe.explanations import Explanation, distribution, installed_package, package_of
from flowship.probe.system_libraries import debian_package, missing_library

Answer = Mapping[str, Any]


def find(answer: Answer, requirements: str) -> Explanation | None:
    """The explanation of a package that was compiled for something else than the image.

    Args:
        answer: What the script reported of an exception.
        requirements: The file that lists the dependencies.
    """
    message = str(answer["message"])
    return (
        _other_platform(answer, message, requirements)
        or _system_library(message)
        or _older_system(answer, message, requirements)
        or processor(answer, message, requirements)
        or _other_numpy(answer, message, requirements)
    )


def _system_library(message: str) -> Explanation | None:
    library = missing_library(message)
    if not library:
        return None
    package = debian_package(library)
    add = f'apt = ["{package}"]' if package else "its Debian package with apt = […]"
    return Explanation(
        code="system-library-missing",
        message=f"the system library {library} is not in the image",
        hint=f"add {add} to the configuration, or install it with apt-get in your Dockerfile",
    )


# --- another platform ----------------------------------------------------------------------------

# Part of a file's name → what it was compiled for.
_PLATFORMS = (
    ("darwin", "macOS"),
    (".pyd", "Windows"),
    ("aarch64", "Linux on arm64"),
    ("arm-", "Linux on 32-bit ARM"),
    ("i386", "Linux on 32-bit x86"),
    ("musl", "Alpine Linux"),
    ("x86_64", "Linux on x86-64"),
)


def _other_platform(answer: Answer, message: str, requirements: str) -> Explanation | None:
    file = _foreign_file(answer, message)
    if not file:
        return None
    package = package_of(file) or PurePosixPath(file).parent.name
    target = _compiled_for(PurePosixPath(file).name, str(answer.get("suffix", "")))
    file = file.removeprefix(f"{FLOWS_DIR}/")
    return Explanation(
        code="package-for-other-platform",
        message=f"{file} is compiled for {target}, not for the image",
        hint=f"remove the copied files, and let the build install them: add {distribution(package)}"
        f" to {requirements}"
        if answer["type"] != "OSError"
        else "use the program or library for the image's platform, or install it in the Dockerfile",
    )


def _foreign_file(answer: Answer, message: str) -> str:
    """The file that is there, but that this platform cannot load; "" if that is not the cause."""
    if builds := answer.get("builds"):
        return str(builds[0])
    if found := re.search(r"(/\S+): (?:wrong ELF class|invalid ELF header)", message):
        return found[1]
    if found := re.search(r"Exec format error: '([^']+)'", message):
        return found[1]
    extension = str(answer.get("path") or "")
    # The loader says that a file is not there if it is for another processor.
    missing = message.startswith(f"{extension}: cannot open shared object file")
    return extension if extension and missing and answer["type"] == "ImportError" else ""


def _compiled_for(name: str, own: str) -> str:
    """What a file is compiled for, as far as its name says."""
    system = next((system for part, system in _PLATFORMS if part in name), "")
    python = re.search(r"(?:cpython-|cp)3(\d+)", name)
    if python and f"-3{python[1]}-" not in own:
        same = not system or any(part in own for part, s in _PLATFORMS if s == system)
        return f"Python 3.{python[1]}" if same else f"Python 3.{python[1]} on {system}"
    return system or "another platform"


# --- an older system or processor ----------------------------------------------------------------


def _older_system(answer: Answer, message: str, requirements: str) -> Explanation | None:
    found = re.search(
        r"version [`']((?:GLIBC|GLIBCXX|CXXABI)_[\d.]+)' not found(?: \(required by (\S+)\))?",
        message,
    )
    if not found:
        return None
    package = package_of(found[2] or "") or installed_package(answer)
    name = distribution(package) if package else "a compiled file"
    return Explanation(
        code="system-too-old",
        message=f"{name} needs {found[1]}, which is newer than what the image's Linux has",
        hint=f"use a base image with a newer Linux; or let the build install {name} for this one,"
        f" with {requirements}, instead of copying it from another machine",
    )


def processor(answer: Answer, message: str, requirements: str) -> Explanation | None:
    """A package that needs a newer processor, and says so."""
    signs = ("but your machine doesn't support", "these aren't available on your machine",
             "Missing required CPU features")  # fmt: skip
    if not any(sign in message for sign in signs):
        return None
    package = distribution(installed_package(answer) or "the package")
    return Explanation(
        code="processor-unsupported",
        message=f"{package} is compiled for a newer processor than this machine has",
        hint=f"pin an older version of {package} in {requirements}, or build and run on a newer"
        " machine",
    )


# --- another numpy -------------------------------------------------------------------------------

_NUMPY = (
    "numpy.dtype size changed",
    "numpy.ndarray size changed",
    "numpy.ufunc size changed",
    "compiled using NumPy 1.x",
    "_ARRAY_API not found",
    "numpy.core.multiarray failed to import",
    "module compiled against ABI version",
    "module compiled against API version",
)


def _other_numpy(answer: Answer, message: str, requirements: str) -> Explanation | None:
    text = f"{message}\n{answer['traceback']}"
    module = installed_package(answer, "numpy")
    removed = answer["type"] == "AttributeError" and re.search(
        r"`np\.\w+` was removed in the NumPy 2|module 'numpy' has no attribute", message
    )
    if not any(sign in text for sign in _NUMPY) and not (removed and module):
        return None
    package = distribution(module) if module else "a package"
    return Explanation(
        code="packages-incompatible",
        message=f"{package} was built for another version of numpy than the image has",
        hint=f"raise numpy in {requirements}, or pin an older version of {package}"
        if _needs_newer(text)
        else f'add "numpy<2" to {requirements}, or use a newer version of {package}',
    )


def _needs_newer(text: str) -> bool:
    """Whether the package was compiled for a numpy that is newer than the image's."""
    versions = re.search(r"version 0x([0-9a-f]+) but this version of numpy is 0x([0-9a-f]+)", text)
    sizes = re.search(r"numpy\.dtype size changed.*Expected (\d+) .*got (\d+) ", text)
    if versions:
        return int(versions[1], 16) > int(versions[2], 16)
    return sizes is not None and int(sizes[1]) < int(sizes[2])  # 96 until numpy 1.26, 88 since 2.0
