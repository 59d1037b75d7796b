"""What is lost with the container of a run: results, caches and files that are stored in it, and
files that cannot be stored because the image lacks their folder.

Every run has a new container. What is stored on a block, or in a folder that is mounted, stays.
`[check]` decides whether a loss is a warning, an error, or nothing: the rule `lost-output`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from flowship.config.settings import FLOWS_DIR, Settings
from flowship.config.tables import Deployment
from flowship.errors import ConfigError
from flowship.probe.result import ProbeResult, Stored, StoredKind

RULE = "lost-output"
"""Its name in ``[check]``."""

NAMED = 5
"""Losses that a warning names; of more, the number."""

BLOCK_VARIABLES = ("PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK", "PREFECT_DEFAULT_RESULT_STORAGE_BLOCK")
FOLDER_VARIABLES = ("PREFECT_RESULTS_LOCAL_STORAGE_PATH", "PREFECT_LOCAL_STORAGE_PATH")
UNKNOWN = PurePosixPath()
"""The folder of a block that only the server knows."""

PERSIST_VARIABLE = "PREFECT_RESULTS_PERSIST_BY_DEFAULT"


def of_runs(flows: Sequence[ProbeResult], settings: Settings) -> str | None:
    """The warning about everything that the runs of an image lose; None if that is nothing.

    Args:
        flows: What the probe found in the image.
        settings: The project that it was built for.

    Raises:
        ConfigError: Something is lost, and ``[check]`` makes that an error.
    """
    lost = list(dict.fromkeys(each for flow in flows for each in _lost(flow, settings)))
    return _by_severity(_text(lost, flows, settings), settings) if lost else None


def of_parameter(given: Collection[str], settings: Settings) -> str | None:
    """The warning about a missing value of ``output-parameter``; None if nothing is lost.

    Args:
        given: The parameters that have a value.
        settings: The project.

    Raises:
        ConfigError: As for `of_runs`.
    """
    parameter = settings.output_parameter
    if not parameter or parameter in given or settings.block.volumes:
        return None
    text = (
        f'the parameter "{parameter}" is not set and no folder is mounted, so files that'
        f" a run writes are lost with its container; set it with --param {parameter}=…, or"
        " mount a folder with volumes in [block]"
    )
    return _by_severity(text, settings)


def _by_severity(text: str, settings: Settings) -> str | None:
    if RULE in settings.check.ignore:
        return None
    if RULE in settings.check.error:
        raise ConfigError(
            text,
            code="lost-output",
            hint=f'[check] has error = ["{RULE}"]; move it to warn or ignore to accept this',
            where=settings.place("check", "error"),
        )
    return text


# --- what is lost --------------------------------------------------------------------------------


def _lost(flow: ProbeResult, settings: Settings) -> Iterator[Stored]:
    """What is lost of a flow in the runs of one of its deployments or more."""
    used: Sequence[Deployment | None] = [
        each
        for each in settings.deployments
        if (each.entrypoint or settings.entrypoint) == flow.entrypoint
    ]
    for deployment in used or [None]:
        env, mounted = _environment(deployment, settings), _mounted(deployment, settings)
        for each in flow.stored:
            folder = _folder(each, flow, env)
            unknown = folder == UNKNOWN and mounted  # it may be one that is mounted
            if folder and not unknown and not any(map(folder.is_relative_to, mounted)):
                yield each


def _folder(stored: Stored, flow: ProbeResult, env: Mapping[str, str]) -> PurePosixPath | None:
    """The folder in the container where something is stored; None if it is not in there."""
    if stored.kind is StoredKind.DEFAULT and env.get(PERSIST_VARIABLE, "").lower() not in (
        "1", "t", "true", "y", "yes", "on",
    ):  # fmt: skip
        return None
    storage = stored.storage or _first(env, BLOCK_VARIABLES) or flow.default_storage
    if not storage:
        return PurePosixPath(_first(env, FOLDER_VARIABLES) or flow.default_folder)
    if storage.startswith("/"):
        return PurePosixPath(storage)
    # The folder of such a block is known to the server only.
    return UNKNOWN if storage.startswith("local-file-system/") else None


def _first(env: Mapping[str, str], names: Iterable[str]) -> str:
    return next((env[name] for name in names if env.get(name)), "")


def _environment(deployment: Deployment | None, settings: Settings) -> dict[str, str]:
    own = deployment.job_variables.get("env") if deployment else None
    given = {**(settings.block.env or {}), **(own if isinstance(own, Mapping) else {})}
    return {str(name): str(value) for name, value in given.items()}


def _mounted(deployment: Deployment | None, settings: Settings) -> list[PurePosixPath]:
    """The folders in the container that are mounted from outside."""
    own: Any = deployment.job_variables.get("volumes") if deployment else None
    volumes = own if isinstance(own, list | tuple) else settings.block.volumes or ()
    parts = [str(volume).split(":") for volume in volumes]
    return [PurePosixPath(each[1] if len(each) > 1 else each[0]) for each in parts]


# --- the warning ---------------------------------------------------------------------------------


def _text(lost: Sequence[Stored], flows: Sequence[ProbeResult], settings: Settings) -> str:
    of_files = (StoredKind.FILE, StoredKind.NO_FOLDER)
    missing = _one_for_each_folder(each for each in lost if each.kind is StoredKind.NO_FOLDER)
    results = [each for each in lost if each.kind not in of_files]
    files = _one_for_each_folder(each for each in lost if each.kind is StoredKind.FILE)
    sentences = [
        *_about_lost([*results, *files]),
        *_about_missing(missing, settings, mount=not files),
        *_advice_for_results(results, flows, settings),
        *_advice_for_files(files, settings),
        f'To accept this, add ignore = ["{RULE}"] to [check]',
    ]
    first, *others = sentences
    return " ".join([first, *(other[0].upper() + other[1:] for other in others)])


def _about_missing(missing: Sequence[Stored], settings: Settings, *, mount: bool) -> Iterator[str]:
    if not missing:
        return
    first = missing[0]
    yield (
        "runs fail where they write into a folder that the image does not have and the code does"
        f" not create: {_listed([_named(each) for each in missing])}. Create it in the code:"
        f' Path("{first.name}").mkdir(parents=True, exist_ok=True)'
        + (f"; or mount one: {_volume(first.storage, settings)}." if mount else ".")
    )


def _about_lost(lost: Sequence[Stored]) -> Iterator[str]:
    if lost:
        named = _listed([_named(each) for each in lost])
        yield f"each run has a new container, and with it these are lost: {named}."


def _listed(named: Sequence[str]) -> str:
    more = [f"{len(named) - NAMED} more"] if len(named) > NAMED else []
    return ", ".join([*named[:NAMED], *more])


def _volume(folder: str, settings: Settings) -> str:
    name = PurePosixPath(folder).name
    return f'volumes = ["{settings.name}-{name}:{folder}"] in [block]'


def _named(stored: Stored) -> str:
    what = {StoredKind.FILE: "", StoredKind.NO_FOLDER: "", StoredKind.CACHE: "the cache of the "}
    name = stored.name
    if stored.kind is StoredKind.FILE and name.endswith("/…"):
        name = f"files in {name.removesuffix('…')}"
    return f"{what.get(stored.kind, 'the results of the ')}{name} ({stored.place})"


def _one_for_each_folder(files: Iterable[Stored]) -> list[Stored]:
    """The first file of each folder; a file that is known by its name comes before the others."""
    known = sorted(files, key=lambda each: each.name.endswith("…"))
    return list({each.storage: each for each in reversed(known)}.values())[::-1]


def _advice_for_results(
    results: Sequence[Stored], flows: Sequence[ProbeResult], settings: Settings
) -> Iterator[str]:
    if not results:
        return
    folder = next((flow.default_folder for flow in flows if flow.default_folder), "")
    mount = f', or mount a folder: volumes = ["{settings.name}-results:{folder}"] in [block]'
    yield (
        'Keep results and caches in a storage block: result_storage="gcs-bucket/NAME" in the code,'
        " or PREFECT_DEFAULT_RESULT_STORAGE_BLOCK in env of [block]"
        f"{mount if folder and not any(each.storage for each in results) else ''}."
    )


def _advice_for_files(files: Sequence[Stored], settings: Settings) -> Iterator[str]:
    if not files:
        return
    below = [f for f in files if PurePosixPath(f.storage) != PurePosixPath(FLOWS_DIR)]
    start = "Keep files" if below else "Write files to a folder of their own, and keep them"
    folder = below[0].storage if below else f"{FLOWS_DIR}/data"
    yield f"{start} in a mounted folder: {_volume(folder, settings)}."
