"""Render a Dockerfile from ``templates/Dockerfile.j2`` or from the project's own template."""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowship.config.settings import FLOWS_DIR, Settings
from flowship.dockerfile import templates
from flowship.errors import ConfigError
from flowship.project.layout import Layout
from flowship.project.layout import layout as layout_of
from flowship.project.requirements import Requirements
from flowship.redaction import mask_addresses

INSTALL_DIR = "/opt/flowship"
"""The folder of the dependency list and related files in the image."""

TEMPLATE = "Dockerfile.j2"


def render(
    settings: Settings,
    *,
    dependencies: bool,
    locked: Requirements | None = None,
    layout: Layout | None = None,
) -> str:
    """Render the Dockerfile of a project from flowship's template or from its own.

    The same settings always give the same text.

    Args:
        settings: The project.
        dependencies: Whether there are dependencies to install. The context then contains
            ``.flowship/requirements.txt``.
        locked: The dependencies, if they are those of a lockfile.
        layout: What the project includes and installs; read from its files if it is not given.

    Raises:
        ConfigError: A setting is not allowed in a Dockerfile (credentials in an index URL, a source
            outside the project), or the template fails; ``where`` is its file and line.
    """
    name = settings.template or f"flowship/{TEMPLATE}"
    request = {
        "name": name,
        "variables": _variables(settings, dependencies, locked, layout or layout_of(settings)),
        "root": str(settings.root),
        "shipped": str(_template_folder()),
    }
    answer = _in_own_process(request) if settings.template else templates.render(request)
    if "text" not in answer:
        raise _template_error(answer, settings, name)
    text = str(answer["text"])
    return text if text.endswith("\n") else text + "\n"


def _in_own_process(request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `templates` as a script, isolated from the working directory."""
    command = [sys.executable, "-I", templates.__file__]
    try:
        done = subprocess.run(
            command,
            input=json.dumps({**request, "path": sys.path}),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=4 * templates.SECONDS,  # it may wait, for a pipe that it reads
            check=False,
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):  # without an answer if its limits ended it
        return {"kind": "limit"}
    return dict(answer)


def _template_folder() -> Path:
    """Part of the package in a wheel; at the root of the repository in an editable install."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if (installed / TEMPLATE).is_file() else package.parents[1] / "templates"


def _variables(
    settings: Settings, dependencies: bool, locked: Requirements | None, layout: Layout
) -> dict[str, Any]:
    packages = settings.packages
    for key, url in [
        ("packages.index-url", packages.index_url),
        *(("packages.extra-index-urls", url) for url in packages.extra_index_urls),
    ]:
        if url is not None:
            _require_no_login(key, url)
    copies = [_copy_entry(settings, source, to) for source, to in settings.copy_.items()]
    below = [c for c in copies if c["destination"].startswith(f"{FLOWS_DIR}/")]
    return {
        "name": settings.name,
        "base_image": _one_line("base-image", settings.base_image),
        "apt": settings.apt,
        "dependencies": dependencies,
        "installs": _installs(locked),
        "folders": [_package_folder(settings, path) for path in locked.folders] if locked else [],
        "packages": packages.model_dump(),
        "install_files": _install_files(settings, locked),
        "ca_bundle_file": ".flowship/ca-bundle.pem" if packages.ca_bundle else None,
        "install_dir": INSTALL_DIR,
        "ca_bundle": f"{INSTALL_DIR}/ca-bundle.pem" if packages.ca_bundle else None,
        "pip_options": _pip_options(settings, trusted="--trusted-host"),
        "uv_options": _pip_options(settings, trusted="--allow-insecure-host"),
        **_installation(settings, layout),
        # Copied after the project, which would otherwise overwrite them.
        "copies": [c for c in copies if c not in below],
        "copies_into_flows": below,
        "flows_dir": FLOWS_DIR,
        "project_dir": settings.project_dir,
        # With a context above the project, the whole context is copied.
        "copied_to": posixpath.join(FLOWS_DIR, settings.image_folder).rstrip("/"),
        "src_layout": settings.src_layout,
        "python_path": ":".join(f"{FLOWS_DIR}/{path}" for path in layout.python_path),
        "included": bool(layout.copied),
    }


def _installation(settings: Settings, layout: Layout) -> dict[str, Any]:
    """What the step that installs the project and its packages needs."""
    constraint = ["--constraint", f"{INSTALL_DIR}/constraints.txt"]  # there is nothing to resolve
    places = [posixpath.join(FLOWS_DIR, package.image).rstrip("/") for package in layout.installed]
    versions = {p.version_variable for p in layout.installed if p.version_variable}
    return {
        "packages_to_install": [_one_line("include", place) for place in places],
        "version_arguments": sorted(versions),
        "index_options": {
            tool: [o for o in _pip_options(settings, trusted=trusted) if o not in constraint]
            for tool, trusted in (("pip", "--trusted-host"), ("uv", "--allow-insecure-host"))
        },
    }


def _installs(locked: Requirements | None) -> list[dict[str, Any]]:
    """The installations, each with its file and its options.

    A lockfile lists everything, so nothing else may be chosen: neither another version nor a
    package that only its metadata names (a lockfile may override it). With --require-hashes, no
    package without a hash is accepted, so these are installed on their own.
    """
    if locked is None:
        return [{"file": "requirements.txt", "options": []}]
    found = []
    if locked.text:
        hashed = ["--no-deps", "--require-hashes"]
        found.append({"file": "requirements.txt", "options": hashed})
    if locked.unhashed:
        found.append({"file": "unhashed.txt", "options": ["--no-deps"]})
    return found


def _package_folder(settings: Settings, path: str) -> dict[str, str]:
    return _copy_entry(settings, path, f"{INSTALL_DIR}/packages/{path}/")


def _install_files(settings: Settings, locked: Requirements | None) -> list[str]:
    files = ["requirements.txt"]
    if locked and locked.unhashed:
        files.append("unhashed.txt")
    if settings.packages.constraints:
        files.append("constraints.txt")
    if settings.packages.ca_bundle:
        files.append("ca-bundle.pem")
    return [f".flowship/{name}" for name in files]


def _pip_options(settings: Settings, *, trusted: str) -> list[str]:
    """The options that pip and uv share; only the option for trusted hosts differs."""
    packages = settings.packages
    options: list[str] = []
    if packages.index_url:
        options += ["--index-url", packages.index_url]
    for url in packages.extra_index_urls:
        options += ["--extra-index-url", url]
    for host in packages.trusted_hosts:
        options += [trusted, host]
    if packages.constraints:
        options += ["--constraint", f"{INSTALL_DIR}/constraints.txt"]
    return [_one_line("packages", option) for option in options]


def _require_no_login(key: str, url: str) -> None:
    shown = mask_addresses(url)
    if shown != url:  # placeholders as well, because nothing would replace them
        raise ConfigError(
            f"{key}: {shown} contains a login, which would be readable in the image",
            code="login-in-address",
            hint="remove the login from the URL; let the index trust the build machine,"
            " or use a base image that contains the packages",
            where=key,
        )


def _copy_entry(settings: Settings, source: str, destination: str) -> dict[str, str]:
    clean = posixpath.normpath(_one_line("copy", source))
    if settings.folder_in_context and not clean.startswith("/"):
        clean = posixpath.normpath(posixpath.join(settings.folder_in_context, clean))
    if clean.startswith(("/", "../")) or clean == "..":
        raise ConfigError(
            f'copy: "{source}" is outside the project folder',
            code="copy-outside-project",
            hint='move it into the project folder, or set context = ".."',
            where="copy",
        )
    tail = "/" if source.endswith("/") else ""
    path = "project/" if clean == "." else f"project/{clean}{tail}"
    return {"source": path, "destination": _one_line("copy", destination)}


def _one_line(key: str, value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ConfigError(
            f"{key}: {value!r} contains a control character",
            code="control-character",
            hint="remove it",
            where=key,
        )
    return value


_KINDS = {
    "recursion": (
        "{} extends or includes itself",
        f'to extend flowship\'s template, use "flowship/{TEMPLATE}"',
    ),
    "limit": (
        "{} needs too much time or memory",
        "a Dockerfile's template needs milliseconds: look for a loop, or a text that grows",
    ),
    "length": ("{} gives more than 1 MB of text", "look for a loop that repeats its text"),
}


def _template_error(answer: Mapping[str, Any], settings: Settings, name: str) -> ConfigError:
    shown = settings.template or TEMPLATE
    file = str(settings.root / name) if settings.template else str(_template_folder() / TEMPLATE)
    if settings.template and not templates.is_file(Path(file)):
        return ConfigError(
            f"template: {shown} not found",
            code="template-not-found",
            hint="template names a file in the project folder",
            where=settings.place("template") or "template",
        )
    file, line = answer.get("file") or file, answer.get("line")
    message, hint = _KINDS.get(answer.get("kind", ""), (f"{{}}: {answer.get('error')}", ""))
    return ConfigError(
        message.replace("{}", shown, 1),
        code="template-error",
        hint=hint,
        where=f"{file}:{line}" if line else file,
    )
