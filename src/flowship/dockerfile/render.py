"""A Dockerfile from ``templates/Dockerfile.j2`` or the user's own template; and its base images."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowship.config.settings import FLOWS_DIR, Settings
from flowship.dockerfile.instructions import parse
from flowship.dockerfile.stages import trace
from flowship.errors import ConfigError
from flowship.redaction import mask_addresses

INSTALL_DIR = "/opt/flowship"
"""Where the dependency list and its companions lie in the image."""

TEMPLATE = "Dockerfile.j2"


# --- asking a Dockerfile ---------------------------------------------------------------------


def base_images(text: str, build_args: Mapping[str, str] | None = None) -> list[str]:
    """The external images that the stages start from, each once, in order.

    Args:
        text: The Dockerfile.
        build_args: The build's arguments, for a ``FROM`` with variables; one that stays
            unresolved is left out, as is ``scratch``.
    """
    stages = trace(parse(text), build_args=build_args).stages
    bases = [s.base for s in stages if s.parent is None and s.base and s.base != "scratch"]
    return list(dict.fromkeys(bases))


# --- rendering one ---------------------------------------------------------------------------


def render(settings: Settings, *, dependencies: bool) -> str:
    """The Dockerfile of a project, from the shipped template or the project's own.

    The same settings give the same text, byte for byte.

    Args:
        settings: The project.
        dependencies: Whether there is anything to install; then the context holds
            ``.flowship/requirements.txt``.

    Raises:
        ConfigError: A setting cannot go into a Dockerfile (a login in an index URL, a source
            outside the project), or the project's template fails; ``where`` is its file and line.
    """
    import jinja2  # only here: nobody else pays for it

    variables = _variables(settings, dependencies)
    shipped = jinja2.FileSystemLoader(_template_folder())
    own = jinja2.FileSystemLoader(settings.root)
    loader = jinja2.ChoiceLoader([jinja2.PrefixLoader({"flowship": shipped}), own])
    environment = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quote": _shell_word, "copy": _copy_words}
    name = settings.template or f"flowship/{TEMPLATE}"
    try:
        text = environment.get_template(name).render(variables)
    except jinja2.TemplateError as exc:
        raise _template_error(exc, settings, name) from exc
    except RecursionError as exc:
        raise ConfigError(
            f"{name} extends or includes itself",
            hint=f'flowship\'s own is called "flowship/{TEMPLATE}"',
            where=str(settings.root / name),
        ) from exc
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise _template_error(exc, settings, name) from exc
    return text if text.endswith("\n") else text + "\n"


def _template_folder() -> Path:
    """In the package of an installed wheel; at the repository's root in an editable one."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if (installed / TEMPLATE).is_file() else package.parents[1] / "templates"


def _variables(settings: Settings, dependencies: bool) -> dict[str, Any]:
    packages = settings.packages
    for key, url in [
        ("packages.index-url", packages.index_url),
        *(("packages.extra-index-urls", url) for url in packages.extra_index_urls),
    ]:
        if url is not None:
            _require_no_login(key, url)
    copies = [_copy_entry(source, to) for source, to in settings.copy_.items()]
    below = [c for c in copies if c["destination"].startswith(f"{FLOWS_DIR}/")]
    return {
        "name": settings.name,
        "base_image": _one_line("base-image", settings.base_image),
        "apt": settings.apt,
        "dependencies": dependencies,
        "packages": packages,
        "install_files": _install_files(settings),
        "install_dir": INSTALL_DIR,
        "ca_bundle": f"{INSTALL_DIR}/ca-bundle.pem" if packages.ca_bundle else None,
        "pip_options": _pip_options(settings, trusted="--trusted-host"),
        "uv_options": _pip_options(settings, trusted="--allow-insecure-host"),
        # What goes below the flows folder must come after it, or the project would hide it.
        "copies": [c for c in copies if c not in below],
        "copies_into_flows": below,
        "flows_dir": FLOWS_DIR,
        "project_dir": settings.project_dir,
        "src_layout": settings.src_layout,
    }


def _install_files(settings: Settings) -> list[str]:
    files = ["requirements.txt"]
    if settings.packages.constraints:
        files.append("constraints.txt")
    if settings.packages.ca_bundle:
        files.append("ca-bundle.pem")
    return [f".flowship/{name}" for name in files]


def _pip_options(settings: Settings, *, trusted: str) -> list[str]:
    """The options that pip and uv share; only the trusted host has two names."""
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
    if shown != url:  # a placeholder too, since nothing would fill it in
        raise ConfigError(
            f"{key}: {shown} carries a login, which would stay readable in the image",
            hint="leave the login out of the URL; let the index trust the build machine, or build"
            " from a base image that has the packages",
            where=key,
        )


def _copy_entry(source: str, destination: str) -> dict[str, str]:
    clean = posixpath.normpath(_one_line("copy", source))
    if clean.startswith(("/", "../")) or clean == "..":
        raise ConfigError(
            f'copy: "{source}" is outside the project folder, and only that is sent to the engine',
            hint="move it into the project folder",
            where="copy",
        )
    tail = "/" if source.endswith("/") else ""
    path = "project/" if clean == "." else f"project/{clean}{tail}"
    return {"source": path, "destination": _one_line("copy", destination)}


def _one_line(key: str, value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ConfigError(f"{key}: {value!r} holds a control character", where=key)
    return value


def _shell_word(value: str) -> str:
    return shlex.quote(value)


def _copy_words(entry: Mapping[str, str]) -> str:
    """Source and destination, in JSON form where a space needs it; a dollar sign stays one."""
    words = [entry["source"], entry["destination"]]
    if all(re.fullmatch(r"[\w./@%+=:,*?-]+", word) for word in words):
        return " ".join(words)
    escaped = [re.sub(r"([\\$'\"])", r"\\\1", word) for word in words]
    return json.dumps(escaped, ensure_ascii=False)


def _template_error(exc: Exception, settings: Settings, name: str) -> ConfigError:
    """Say where in the template it happened; Jinja puts its lines into the traceback."""
    shown = settings.template or TEMPLATE
    file = str(settings.root / name) if settings.template else str(_template_folder() / TEMPLATE)
    line = getattr(exc, "lineno", None)
    if line is None:
        for frame in traceback.extract_tb(exc.__traceback__):
            if frame.filename in {file, str(_template_folder() / TEMPLATE)}:
                file, line = frame.filename, frame.lineno
    else:
        file = getattr(exc, "filename", None) or file
    missing = settings.template and not (settings.root / settings.template).is_file()
    return ConfigError(
        f"{shown}: there is no such file" if missing else f"{shown}: {exc}",
        hint="template names a file in the project folder" if missing else "",
        where=f"{file}:{line}" if line else file,
    )
