"""What the user wants, read once: ``[tool.flowship]`` or ``flowship.toml``, environment, flags.

`load` gives one frozen `Settings`. It reads files in the project folder and nothing else:
no engine, no registry, no network. Every mistake in a value is a `ConfigError` that names
the file, the line and the key, and for an unknown key the nearest known one.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import stat
import sys
import unicodedata
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from flowship import pyproject
from flowship.errors import ConfigError, UsageError
from flowship.scaffold import find_flows, python_files

FLOWS_DIR = "/opt/prefect/flows"
"""Where the project folder lands in the image, and where the deployment runs from."""

ENV_PREFIX = "FLOWSHIP_"

# Environment variables that are ours but are no configuration keys.
RESERVED_ENV = {
    "FLOWSHIP_REGISTRY_USER",
    "FLOWSHIP_REGISTRY_PASSWORD",
    "FLOWSHIP_STATE_DIR",
    "FLOWSHIP_ETL_ALLOW_UNMOUNTED",
    "FLOWSHIP_TAXI_SAMPLE",
}

LONGEST_NAME = 100  # characters; in an image's name 255, with registry and path before it

PREFECT_NAME = r"^[^/%&><]+$"  # of a deployment or a work pool, as the server has it

PULL_POLICIES = {"always": "Always", "ifnotpresent": "IfNotPresent", "never": "Never"}


def _kebab(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class _Table(BaseModel):
    """A configuration table: frozen, kebab-case keys, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=_kebab, populate_by_name=True
    )


def _pull_policy(value: object) -> object:
    """Accept ``always``, ``ALWAYS``, ``if-not-present``, ``IF_NOT_PRESENT`` and the like."""
    if isinstance(value, str):
        return PULL_POLICIES.get(re.sub(r"[-_ ]", "", value.lower()), value)
    return value


def _no_switch(value: object) -> object:
    """TOML's ``true`` is no number of seconds, though Python would take it for 1."""
    if isinstance(value, bool):
        raise ValueError('an interval is seconds or text such as "15m"')  # noqa: TRY004 - pydantic's
    return value


Interval = Annotated[int | float | str, BeforeValidator(_no_switch)]

PullPolicy = Annotated[Literal["Always", "IfNotPresent", "Never"], BeforeValidator(_pull_policy)]


class Packages(_Table):
    """``[packages]``: how dependencies are fetched where the public index is not the source."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    constraints: str | None = None
    ca_bundle: str | None = None


class Probe(_Table):
    """``[probe]``: what the flow is given while it is loaded for inspection."""

    network: bool = False
    env: dict[str, str] = {}
    timeout: int = Field(default=120, gt=0)  # seconds


class Block(_Table):
    """``[block]``: the Docker Container block. A field left out (None) is not written over."""

    name: str | None = None
    image_pull_policy: PullPolicy | None = None
    registry_credentials: str | None = None
    auto_remove: bool | None = None
    env: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    networks: tuple[str, ...] | None = None
    network_mode: str | None = None
    volumes: tuple[str, ...] | None = None
    stream_output: bool | None = None
    mem_limit: str | None = None
    memswap_limit: str | None = None
    privileged: bool | None = None
    container_create_kwargs: dict[str, Any] | None = None

    @field_validator("name")
    @classmethod
    def _document_name(cls, value: str | None) -> str | None:
        return value if value is None else _slug(value, "a block name")

    @model_validator(mode="after")
    def _one_network(self) -> Block:
        if self.networks and self.network_mode:
            raise ValueError("networks and network-mode exclude each other: keep one")
        return self


class Schedule(_Table):
    """One schedule: exactly one of ``cron``, ``interval`` (``90``, ``"15m"``), ``rrule``.

    Whether the expression itself is right is judged by `flowship.schedules`.
    """

    cron: str | None = None
    interval: Interval | None = None
    rrule: str | None = None
    timezone: str | None = None
    day_or: bool = True
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_kind(self) -> Schedule:
        given = [k for k in ("cron", "interval", "rrule") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                "a schedule takes exactly one of cron, interval and rrule"
                + (f", not {' and '.join(given)}" if given else "")
            )
        return self


class Deployment(_Table):
    """``[[deployments]]``: a named, possibly scheduled way to run the flow."""

    name: str = Field(min_length=1, pattern=PREFECT_NAME)
    description: str | None = None
    cron: str | None = None
    interval: Interval | None = None
    rrule: str | None = None
    timezone: str | None = None
    schedules: tuple[Schedule, ...] = ()
    parameters: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    concurrency_limit: int | None = Field(default=None, gt=0)
    paused: bool | None = None
    job_variables: dict[str, Any] = {}

    @model_validator(mode="after")
    def _schedules_once(self) -> Deployment:
        inline = any(v is not None for v in (self.cron, self.interval, self.rrule))
        if inline and self.schedules:
            raise ValueError("give either cron/interval/rrule or [[deployments.schedules]]")
        if inline:
            self._inline()  # raises when two kinds are given
        elif self.timezone and not self.schedules:
            raise ValueError("timezone needs a schedule: add cron, interval or rrule")
        return self

    def _inline(self) -> Schedule:
        return Schedule(
            cron=self.cron, interval=self.interval, rrule=self.rrule, timezone=self.timezone
        )

    def all_schedules(self) -> tuple[Schedule, ...]:
        """Every schedule of this deployment, however it was written down."""
        if any(v is not None for v in (self.cron, self.interval, self.rrule)):
            return (self._inline(),)
        return tuple(
            s if s.timezone else s.model_copy(update={"timezone": self.timezone})
            for s in self.schedules
        )


class Check(_Table):
    """``[check]``: which findings this project does not want to hear of."""

    ignore: tuple[str, ...] = ()


class Settings(_Table):
    """Everything flowship was told about one project. Paths are relative to `root`."""

    root: Path = Field(exclude=True)
    source: Path | None = Field(default=None, exclude=True)
    shipped: bool = Field(default=False, exclude=True)
    prefix: str = Field(default="", exclude=True)
    warnings: tuple[str, ...] = Field(default=(), exclude=True)
    origins: dict[str, str] = Field(default={}, exclude=True, repr=False)

    name: str
    entrypoint: str
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    base_image: str = ""
    repo: str | None = None
    copy_: dict[str, str] = {}
    platform: str | None = None
    dockerfile: str | None = None
    template: str | None = None
    build_args: dict[str, str] = {}
    work_pool: str = Field(default="flowship", min_length=1, pattern=PREFECT_NAME)
    packages: Packages = Packages()
    probe: Probe = Probe()
    block: Block = Block()
    check: Check = Check()
    deployments: tuple[Deployment, ...] = ()

    @property
    def block_name(self) -> str:
        """The block document's name: as configured, else ``<name>-docker``."""
        return self.block.name or f"{self.name}-docker"

    def place(self, *key: str | int) -> str:
        """Where `key` was given: ``file:line:column``, a variable or an option; else empty."""
        return _where([str(part) for part in key], self.source, self.origins)

    @property
    def src_layout(self) -> bool:
        """Whether the project keeps its packages below ``src/``, as an installed project does."""
        src = self.root / "src"
        return src.is_dir() and any(p.suffix == ".py" or p.is_dir() for p in src.iterdir())

    @field_validator("name")
    @classmethod
    def _image_name(cls, value: str) -> str:
        return _slug(value, "a project name")

    @field_validator("entrypoint")
    @classmethod
    def _file_and_function(cls, value: str) -> str:
        path, colon, function = value.rpartition(":")
        if not colon or not path.endswith(".py") or not re.fullmatch(r"\w+(\.\w+)?", function):
            raise ValueError('an entrypoint is "path/to/file.py:flow_function"')
        posix = PurePosixPath(path)
        if posix.is_absolute() or ".." in posix.parts:
            raise ValueError("an entrypoint's file is relative to the project folder")
        return f"{posix}:{function}"

    @field_validator("copy_")
    @classmethod
    def _absolute_destinations(cls, value: dict[str, str]) -> dict[str, str]:
        for source, destination in value.items():
            if not destination.startswith("/"):
                raise ValueError(
                    f'the destination of "{source}" must be absolute: "/{destination}"'
                )
        return value

    @field_validator("apt")
    @classmethod
    def _debian_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for package in value:
            if not re.fullmatch(r"[a-z0-9][a-z0-9+.:-]*(=[\w.+:~-]+)?", package):
                raise ValueError(f'"{package}" is not a Debian package name')
        return value

    @field_validator("platform")
    @classmethod
    def _os_and_architecture(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z0-9]+/[a-z0-9]+(/v\d+)?", value):
            raise ValueError('a platform is "linux/amd64", "linux/arm64", …')
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.dockerfile and self.template:
            raise ValueError("dockerfile and template exclude each other: keep one")
        names = [d.name for d in self.deployments]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two deployments are called "{name}"')
        return self


def _slug(value: str, what: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
        raise ValueError(
            f"{what} is lower-case letters, digits and single dashes"
            f', for instance "{slugify(value) or "my-flow"}"'
        )
    if len(value) > LONGEST_NAME:
        raise ValueError(f"{what} has at most {LONGEST_NAME} characters, this one {len(value)}")
    return value


def slugify(text: str) -> str:
    """``My Flöws_2`` → ``my-flows-2``: what an image, a block and a tag all accept."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def default_base_image() -> str:
    """The Prefect image of the very Prefect and Python that flowship runs on."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"prefecthq/prefect:{metadata.version('prefect')}-python{python}"


# --- finding and reading ---------------------------------------------------------------------


def load(
    folder: Path,
    *,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the configuration of the project in `folder`.

    A folder with neither configuration nor Python files stands for the shipped ETL flow.

    Args:
        folder: The project's root.
        overrides: Values given by flags, by field name; None means "not given".
        environ: Where ``FLOWSHIP_*`` is read; ``FLOWSHIP_BLOCK__MEM_LIMIT`` reaches into a table.

    Raises:
        ConfigError: No usable configuration; the message says where and what to do.
        UsageError: A flag's value is wrong.
    """
    source, table = _find(folder)
    if source is None:
        refuse_inside_project(folder)
        if python_files(folder):
            raise _no_configuration(folder)
        table = _shipped_etl()
    values = _canonical(table, Settings, source)
    _refuse_inner_keys(table, source)
    origins, warnings = _apply_environment(values, environ, source)
    for key, value in (overrides or {}).items():
        if value is not None:
            values[_kebab(key)] = value
            origins[_kebab(key)] = f"--{_kebab(key)}"
    if "entrypoint" not in values:
        raise _no_entrypoint(folder, source)
    if "name" not in values:
        values["name"], told = default_name(folder)
        warnings += told
    values.setdefault("root", folder.resolve())
    values |= {"source": source, "warnings": tuple(warnings), "origins": origins}
    values["base-image"] = values.get("base-image") or default_base_image()
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        raise _explain(exc, values) from exc


def _refuse_inner_keys(table: Mapping[str, Any], source: Path | None) -> None:
    """What `load` itself fills in is no key of the file's."""
    known = _known_fields(Settings)
    for key in table if source else ():
        if key.replace("-", "_") in Settings.model_fields and _kebab(key) not in known:
            raise ConfigError(
                f'unknown key "{key}"',
                hint=_nearest(key, known),
                where=_place(source, [key]),
            )


def _find(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    own = folder / "flowship.toml"
    project = pyproject.read(folder / pyproject.NAME)
    named = slugify(project.name) if project else ""
    defaults = {"name": named} if named else {}
    if own.is_file():
        if project and project.flowship is not None:
            raise ConfigError(
                "there is configuration in both flowship.toml and pyproject.toml",
                hint="keep one: move [tool.flowship] of pyproject.toml into flowship.toml",
                where=str(own),
            )
        return own, defaults | pyproject.read_toml(own)
    if project and project.flowship is not None:
        return project.path, defaults | dict(project.flowship)
    return None, {}


def is_configured(folder: Path) -> bool:
    """Whether there is a configuration of flowship's right in `folder`, sound or not."""
    return (folder / "flowship.toml").is_file() or pyproject.is_flowships(folder / pyproject.NAME)


def refuse_inside_project(folder: Path) -> None:
    """Refuse to take a folder of somebody's project for a project of its own.

    Raises:
        ConfigError: A folder above is a flowship project.
    """
    above = _project_above(folder)
    if above is None:
        return
    path = os.path.relpath(above, folder.resolve())
    raise ConfigError(
        f"this folder has no flowship configuration, but the project {above} above it has",
        hint=f"work there: `flowship -C {path} …`; or write a flowship.toml here by hand",
        where=str(folder),
    )


def _project_above(folder: Path) -> Path | None:
    """The nearest configured folder above `folder`, within the same repository.

    The home folder and what lies above it is no project, nor is a folder that everybody may
    write to, as ``/tmp`` is: a file there may be anybody's.
    """
    here, home = folder.resolve(), Path("~").expanduser().resolve()
    while not (here / ".git").exists() and here not in (home, here.parent):
        here = here.parent
        try:
            shared = here.stat().st_mode & stat.S_IWOTH
        except OSError:
            return None
        if shared or here in (home, here.parent):
            return None
        if is_configured(here):
            return here
    return None


def default_name(folder: Path) -> tuple[str, tuple[str, ...]]:
    """What a project in `folder` is called where nothing says otherwise: as pyproject.toml
    calls it, else as the folder is called.

    Returns:
        The name; and a warning where it had to be made up.
    """
    project = pyproject.read(folder / pyproject.NAME)
    name = slugify(project.name if project else "") or slugify(folder.resolve().name)
    if name:
        return name[:LONGEST_NAME].strip("-"), ()
    return "flow", (
        f"the folder {folder.resolve().name} has no letters or digits that an image's name can"
        ' have: the project is called "flow" until name = "…" says otherwise',
    )


def _canonical(
    table: Mapping[str, Any], model: type[BaseModel], source: Path | None, *above: str
) -> dict[str, Any]:
    """`table` with its keys in kebab-case: a variable or a flag must meet the same key."""
    known = _known_fields(model)
    spelled: dict[str, Any] = {}
    for key, value in table.items():
        name = _kebab(key) if _kebab(key) in known else key
        if name in spelled:
            where = _place(source, [*above, name])
            raise ConfigError(f'"{name}" is given twice', hint="keep one spelling", where=where)
        nested = known.get(name, ("", None))[1]
        if nested and isinstance(value, dict):
            value = _canonical(value, nested, source, *above, name)
        spelled[name] = value
    return spelled


def _shipped_etl() -> dict[str, Any]:
    """The shipped ETL flow as a project: its folder is sent as ``flowship/etl``."""
    return {
        "name": "prefect-de",
        "root": Path(__file__).parent / "etl",
        "shipped": True,
        "prefix": "flowship/etl",
        "entrypoint": "flowship/etl/flow.py:etl_parent_flow",
        "requirements": "requirements.txt",
        "deployments": [{"name": "prefect-docker-flow"}],
    }


def _no_configuration(folder: Path) -> ConfigError:
    flows = find_flows(folder)
    listed = "\n".join(f"  {f.path}:{f.function}  (line {f.line})" for f in flows)
    return ConfigError(
        f"{folder} has Python files but no flowship configuration",
        hint="run `flowship init` to write a flowship.toml"
        + (f' for "{flows[0].entrypoint}"' if len(flows) == 1 else "")
        if flows
        else "decorate a function with @flow; a flow made otherwise is named by hand, in"
        ' flowship.toml: entrypoint = "path/to/file.py:name"',
        details=f"flows found here:\n{listed}" if flows else "no @flow function was found here",
        where=str(folder),
    )


def _no_entrypoint(folder: Path, source: Path | None) -> ConfigError:
    flows = find_flows(folder)
    return ConfigError(
        "the configuration names no entrypoint",
        hint=f'add entrypoint = "{flows[0].entrypoint}"'
        if flows
        else 'add entrypoint = "path/to/file.py:flow_function"',
        details="\n".join(["flows found here:", *(f"  {f.entrypoint}" for f in flows)])
        if len(flows) > 1
        else "",
        where=str(source or folder),
    )


# --- environment -----------------------------------------------------------------------------


def _apply_environment(
    values: dict[str, Any], environ: Mapping[str, str], source: Path | None
) -> tuple[dict[str, str], list[str]]:
    """Lay ``FLOWSHIP_*`` over `values`.

    Returns:
        Which variable set which key, and a warning for each unknown variable.

    Raises:
        ConfigError: A variable is for a key of a table, and no table stands there.
    """
    origins: dict[str, str] = {}
    warnings: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(ENV_PREFIX) or variable in RESERVED_ENV:
            continue
        if not environ[variable]:  # as in scripts and CI, where empty means "not set"
            continue
        path = [p.lower().replace("_", "-") for p in variable[len(ENV_PREFIX) :].split("__")]
        known, wrong = _reached(path)
        if wrong is not None:
            meant = _nearest_variable(path, wrong, known)
            warnings.append(f"{variable} is no flowship setting{meant}")
            continue
        target = _table_for(values, path, variable, _where(path[:1], source, origins))
        target[path[-1]] = _from_environment(environ[variable], known[path[-1]][0])
        origins[".".join(path)] = variable
    return origins, warnings


_Fields = Mapping[str, tuple[str, "type[BaseModel] | None"]]


def _reached(path: list[str]) -> tuple[_Fields, int | None]:
    """The keys beside the last part of `path`, and which part is none of its keys, if one is."""
    known = _known_fields(Settings)
    for number, part in enumerate(path[:-1]):
        table = known.get(part, ("", None))[1]
        if table is None:
            return known, number
        known = _known_fields(table)
    return known, None if path[-1] in known else len(path) - 1


def _table_for(
    values: dict[str, Any], path: list[str], variable: str, where: str
) -> dict[str, Any]:
    """The table of `values` that holds the key at `path`; made where it is not there."""
    target = values
    for part in path[:-1]:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f"{part} is no table, and {variable} is for a key of it",
                hint=f"write it as a table: [{part}]",
                where=where or variable,
            )
        target = inner
    return target


def _nearest_variable(path: list[str], wrong: int, known: Mapping[str, object]) -> str:
    """``; did you mean FLOWSHIP_BASE_IMAGE?``, where one is near the part that is wrong."""
    if path[wrong] in known:
        whole = ENV_PREFIX + "__".join(path[: wrong + 1]).upper().replace("-", "_")
        return f"; {whole} gives it as a whole, as JSON where it is a list of tables"
    close = difflib.get_close_matches(path[wrong], known, n=1, cutoff=0.6)
    if not close:
        return ""
    meant = "__".join([*path[:wrong], close[0], *path[wrong + 1 :]]).upper().replace("-", "_")
    return f"; did you mean {ENV_PREFIX}{meant}?"


def _known_fields(model: type[BaseModel]) -> dict[str, tuple[str, type[BaseModel] | None]]:
    """Key → (annotation as text, the table's model when the key is a table)."""
    fields = {}
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        kind = field.annotation
        table = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        fields[_kebab(name)] = (str(kind), table)
    return fields


def _from_environment(text: str, annotation: str) -> object:
    if "dict" in annotation or text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return text  # pydantic then says what was expected
    if "tuple" in annotation:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


# --- explaining --------------------------------------------------------------------------------


# pydantic's kinds of error → what the key takes instead; others keep pydantic's words.
_TAKES = {
    "tuple_type": 'takes a list: ["…", "…"]',
    "dict_type": 'takes a table: { KEY = "value" }',
    "model_type": "takes a table",
    "string_type": "takes text, in quotes",
    "bool_type": "takes true or false",
    "bool_parsing": "takes true or false",
    "int_type": "takes a whole number",
    "int_parsing": "takes a whole number",
    "int_from_float": "takes a whole number",
    "missing": "is needed and not given",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "takes none of / % & > <",  # PREFECT_NAME
}


def _explain(exc: ValidationError, values: Mapping[str, Any]) -> ConfigError | UsageError:
    """Turn pydantic's first error into one that names the line and the nearest key."""
    error = exc.errors()[0]
    loc = [str(part) for part in error["loc"] if not str(part).startswith("function-")]
    is_interval = loc[:1] == ["deployments"] and "interval" in loc
    if is_interval:  # behind it stand the types that pydantic tried
        loc = loc[: loc.index("interval") + 1]
    where = _where(loc, values["source"], values["origins"])
    key = _told(loc, values)
    if error["type"] == "extra_forbidden":
        hint = _nearest(_kebab(loc[-1]), _known_fields(_model_at(loc[:-1])))
        if loc == ["tool"]:
            hint = "in flowship.toml the keys stand without [tool.flowship] above them"
        return ConfigError(f'unknown key "{key}"', hint=hint, where=where)
    kind = UsageError if where.startswith("--") else ConfigError
    takes = _TAKES.get(error["type"])
    if takes and takes.startswith("takes a table") and where.startswith(ENV_PREFIX):
        takes = 'takes a table as JSON: \'{"KEY": "value"}\''
    if is_interval:
        takes = 'takes seconds or text such as "15m"'
    if error["type"] == "tuple_type" and loc[-1] in ("deployments", "schedules"):
        table = "deployments.schedules" if loc[-1] == "schedules" else "deployments"
        takes = f"takes tables, each under a header in double brackets: [[{table}]]"
    if takes:
        return kind(f"{key} {takes}", where=where)
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:] if key else message
    return kind(f"{key}: {message}" if key else message, where=where)


def _told(loc: list[str], values: Mapping[str, Any]) -> str:
    """The key at `loc` in words: a deployment by its name, not by its number."""
    if len(loc) < 2 or loc[0] != "deployments":
        return ".".join(loc)
    try:
        name = f'deployment "{values["deployments"][int(loc[1])]["name"]}"'
    except (KeyError, IndexError, TypeError, ValueError):
        name = f"deployment {int(loc[1]) + 1}" if loc[1].isdigit() else "deployments"
    rest = loc[2:]
    if len(rest) > 1 and rest[0] == "schedules" and rest[1].isdigit():
        rest = [f"schedule {int(rest[1]) + 1}", *rest[2:]]
    return ", ".join([name, ".".join(rest)]) if rest else name


def _where(loc: list[str], source: Path | None, origins: Mapping[str, str]) -> str:
    """The variable or option that gave the key at `loc` or a table around it; else its line."""
    for end in range(len(loc), 0, -1):
        if origin := origins.get(".".join(_kebab(part) for part in loc[:end])):
            return origin
    return _place(source, loc)


def _model_at(loc: list[str]) -> type[BaseModel]:
    nested: dict[str, type[BaseModel]] = {"deployments": Deployment, "schedules": Schedule}
    model: type[BaseModel] = Settings
    for part in loc:
        if not part.isdigit():
            model = nested.get(part) or _known_fields(model)[_kebab(part)][1] or model
    return model


def _nearest(key: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else f"known keys: {', '.join(known)}"


def _place(source: Path | None, loc: list[str]) -> str:
    """``file:line:column`` of the key at `loc`, else of its table; the file where neither is."""
    if source is None:
        return ""
    prefix = ["tool", "flowship"] if source.name == "pyproject.toml" else []
    wanted = [*prefix, *(_kebab(p) for p in loc)]
    table: list[str] = []
    around = str(source)
    seen: dict[str, int] = {}
    for number, line in enumerate(source.read_text(encoding="utf-8-sig").splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line)
        if header:
            table = _table_at(header[2], seen, is_array=header[1] == "[[")
            if len(table) > len(prefix) and _matches(table[: len(wanted)], wanted):
                around = f"{source}:{number}:{header.start(2) + 1}"
                if len(table) >= len(wanted):
                    return around
            continue
        assignment = re.match(r"\s*([\w\"'.-]+)\s*=", line)
        if assignment:
            here = [*table, *(p.strip("\"'") for p in assignment[1].split("."))]
            if _matches(here, wanted):
                return f"{source}:{number}:{assignment.start(1) + 1}"
    return around


def _table_at(name: str, seen: dict[str, int], *, is_array: bool) -> list[str]:
    """The path of a TOML header, with the number of the present item behind each array."""
    parts = [part.strip().strip("\"'") for part in name.split(".")]
    path: list[str] = []
    for position, part in enumerate(parts, start=1):
        path.append(part)
        array = ".".join(path)
        if is_array and position == len(parts):
            seen[array] = seen.get(array, -1) + 1
        if array in seen:
            path.append(str(seen[array]))
    return path


def _matches(here: list[str], wanted: list[str]) -> bool:
    """Whether `wanted` is at or below `here` (an inline value holds all keys below it)."""
    return [_kebab(part) for part in here] == wanted[: len(here)]
