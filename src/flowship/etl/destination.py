"""Where a month is written: a Prefect block that can store files, or a folder.

``type-slug/name`` is a block, as in ``gcs-bucket/taxi``; everything else is a folder
(``./out``, ``/data/taxi``, ``.``). A folder inside a container is refused unless it is mounted: the
container is removed after the run, and the result would be lost with it.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Protocol
from uuid import uuid4

from flowship.etl.errors import DestinationError
from flowship.etl.upload import PIECE, Upload

OBJECT_KEY = "data/{colour}/{colour}_tripdata_{year}-{month:02}.parquet"

ALLOW_UNMOUNTED = "FLOWSHIP_ETL_ALLOW_UNMOUNTED"
"""Environment variable: set it to 1 to accept a container's own folders."""

STALE = 24 * 3600  # seconds after which an unfinished file is removed

_BLOCK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[A-Za-z0-9][A-Za-z0-9_-]*")

# Text that is probably meant as a block: its type alone, or a block followed by a folder.
_LOOKS_LIKE_BLOCK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-(bucket|container|file-?system)(/|\Z)")

# Mounts of every container that do not outlive it.
_ALWAYS_MOUNTED = tuple(Path(p) for p in ("/dev", "/proc", "/sys", "/run"))


Finish = Callable[[], str]


class Destination(Protocol):
    """A place that stores files under keys."""

    def staging(self, key: str) -> AbstractContextManager[Path]:
        """A temporary path on this machine for the file that becomes `key`."""

    def write(self, path: Path, key: str) -> str:
        """Store the file at `path` as `key`, completely or not at all; return its location."""

    def uploading(self, path: Path, key: str) -> AbstractContextManager[Finish]:
        """Store the file at `path` as `key` while the ``with`` block writes it.

        The block receives a function: calling it declares the file complete and returns its
        location. If the block ends without that call, the destination does not change.
        """

    def holds(self, key: str, size: int) -> bool:
        """Whether `key` exists with this `size` in bytes, as far as the destination can tell."""

    def read(self, key: str) -> bytes | None:
        """The content of `key`; None if it does not exist."""


@dataclass(frozen=True)
class FolderDestination:
    """A folder on this machine; a file appears in it completely or not at all."""

    folder: Path

    @contextmanager
    def staging(self, key: str) -> Iterator[Path]:
        """A hidden file in the same folder as `key`, so that a rename is enough to store it."""
        target = self.folder / key
        # Two runs may load the same month, so each has a file of its own.
        part = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
        with _translated(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove_stale_parts(target)
            part.touch()
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def write(self, path: Path, key: str) -> str:
        """Copy the file into the folder of `key` if it is elsewhere, then rename it."""
        target = self.folder / key
        if path.parent == target.parent:
            with _translated(target):
                _sync(path)
                path.replace(target)
        else:
            with self.staging(key) as part, _translated(target):
                shutil.copyfile(path, part)
                _sync(part)
                part.replace(target)
        return str(target)

    @contextmanager
    def uploading(self, path: Path, key: str) -> Iterator[Finish]:
        """Nothing is sent: the file is renamed when it is complete."""
        yield lambda: self.write(path, key)

    def holds(self, key: str, size: int) -> bool:
        """Whether the file exists with this size."""
        path = self.folder / key
        return path.is_file() and path.stat().st_size == size

    def read(self, key: str) -> bytes | None:
        """The file's content."""
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise DestinationError(
                f"{self.folder / key} cannot be read: {exc.strerror or exc}",
                code="destination-unreadable",
            ) from exc


@dataclass(frozen=True)
class BlockDestination:
    """A Prefect block that has ``upload_from_path`` (buckets) or ``write_path`` (file systems).

    A bucket shows an object only when its upload is complete.
    """

    slug: str
    block: Any

    @contextmanager
    def staging(self, key: str) -> Iterator[Path]:
        """A temporary file, from which an interrupted upload can be repeated."""
        with TemporaryDirectory(prefix="flowship-etl-") as temporary:
            yield Path(temporary) / Path(key).name

    def write(self, path: Path, key: str) -> str:
        """Upload the file; a block with only ``write_path`` needs it in memory as a whole."""
        with self._translated_errors():
            if hasattr(self.block, "upload_from_path"):
                stored = _awaited(self.block.upload_from_path(path, key))
            else:
                stored = _awaited(self.block.write_path(key, path.read_bytes()))
        return f"{self.slug}: {stored or key}"

    @contextmanager
    def uploading(self, path: Path, key: str) -> Iterator[Finish]:
        """Send the file to a Google bucket while it is written; to others when it is complete.

        If the upload fails while the file is written, the complete file is sent again.
        """
        if not self.slug.startswith("gcs-bucket/"):
            yield lambda: self.write(path, key)
            return
        name = f"{self.block.bucket_folder}{key}"

        def send(file: BinaryIO) -> None:
            # The block's own upload would hold 100 MB of the file in memory.
            self.block.get_bucket().blob(name, chunk_size=PIECE).upload_from_file(file)

        with Upload(path, send) as upload:
            yield lambda: f"{self.slug}: {name}" if upload.finish() else self.write(path, key)

    def holds(self, key: str, size: int) -> bool:
        """Whether the bucket lists the object; True for a block that cannot list."""
        names = self._names(key)
        return names is None or any(_ends_with(name, key) for name in names)

    def read(self, key: str) -> bytes | None:
        """The object's content; None also if the block can only write."""
        names = self._names(key)
        if names is not None and not any(_ends_with(name, key) for name in names):
            return None
        if not hasattr(self.block, "read_path"):
            return None
        with self._translated_errors():
            try:
                content = _awaited(self.block.read_path(key))
            except (FileNotFoundError, ValueError):  # what file systems raise for a missing file
                return None
        return content.encode() if isinstance(content, str) else bytes(content)

    def _names(self, key: str) -> list[str] | None:
        # Google's and Azure's buckets list blobs, Amazon's list objects, file systems neither.
        with self._translated_errors():
            if hasattr(self.block, "list_blobs"):
                return [str(blob.name) for blob in _awaited(self.block.list_blobs(key))]
            if hasattr(self.block, "list_objects"):
                return [str(item["Key"]) for item in _awaited(self.block.list_objects(key))]
        return None

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn whatever the block's client raises into an error about the destination.

        Raises:
            DestinationError: The destination could not be reached, or refused the request.
        """
        try:
            yield
        except Exception as exc:  # each vendor's client has exceptions of its own
            reason = str(exc) or type(exc).__name__
            raise DestinationError(
                f"{self.slug} failed: {reason}",
                code="block-failed",
                hint="check the block in the Prefect UI: bucket, credentials, permissions",
            ) from exc


def _ends_with(name: str, key: str) -> bool:
    # The block may put a folder of its own before the key.
    return name == key or name.endswith(f"/{key}")


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise DestinationError(
            f"{target} cannot be written: {exc.strerror or exc}", code="destination-unwritable"
        ) from exc


def _remove_stale_parts(target: Path) -> None:
    # A run that was killed leaves its file behind; the file of a running one is younger.
    for part in target.parent.glob(f".{target.name}.*.part"):
        if time.time() - part.stat().st_mtime > STALE:
            part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    # Written to the disk before the rename, so that a power cut cannot leave an empty file.
    with path.open("rb") as file:
        os.fsync(file.fileno())


def object_key(colour: str, year: int, month: int) -> str:
    """The key of a month, relative to the folder or to the bucket's own folder."""
    return OBJECT_KEY.format(colour=colour, year=year, month=month)


def sidecar_key(key: str, suffix: str) -> str:
    """The key of a file about `key`, in the same folder.

    Its name begins with an underscore, so Spark, Hive, Arrow and Athena skip it when they read
    the whole folder.
    """
    folder, _, name = key.rpartition("/")
    return f"{folder}/_{name.removesuffix('.parquet')}.{suffix}"


def is_block(destination: str) -> bool:
    """Whether `destination` names a block (``gcs-bucket/taxi``) rather than a folder."""
    return _BLOCK.fullmatch(destination) is not None


def in_container() -> bool:
    """Whether this process runs in a container of Docker, Podman or Kubernetes."""
    return (
        Path("/.dockerenv").exists()
        or Path("/run/.containerenv").exists()
        or "KUBERNETES_SERVICE_HOST" in os.environ
    )


def is_mounted(folder: Path) -> bool:
    """Whether `folder`, or a parent other than ``/``, is a mount that outlives the container."""
    folder = folder.resolve()
    if any(folder.is_relative_to(system) for system in _ALWAYS_MOUNTED):
        return False
    return any(os.path.ismount(path) for path in [folder, *folder.parents] if path != path.parent)


def open_destination(
    destination: str,
    *,
    contained: Callable[[], bool] = in_container,
    mounted: Callable[[Path], bool] = is_mounted,
) -> Destination:
    """Open a destination, and refuse one that cannot store or would lose the data.

    Args:
        destination: ``type-slug/name`` of a block, or a folder.
        contained: Whether this process runs in a container.
        mounted: Whether a folder outlives the container.

    Raises:
        DestinationError: The block does not exist or cannot store files, or the folder would be
            lost with the container.
    """
    if is_block(destination):
        block = _load_block(destination)
        folder = _local_folder(block)
        # A local block is used as a folder, because its own writes are not atomic.
        opened: Destination = (
            BlockDestination(destination, block) if folder is None else FolderDestination(folder)
        )
    else:
        folder = Path(_local_path(destination)).expanduser()
        _refuse_file(folder)
        opened = FolderDestination(folder)
    if folder is not None and contained() and not mounted(folder):
        _refuse_unless_allowed(folder)
    return opened


def _refuse_file(folder: Path) -> None:
    for path in (folder, *folder.parents):
        if path.is_dir():
            return
        if path.exists():
            raise DestinationError(
                f"{path} is a file, but the destination must be a folder",
                hint="use a folder such as ./out; each month becomes a file in it",
            )


def _local_path(destination: str) -> str:
    path = destination.removeprefix("file://")
    if not path.strip():  # often a variable that is not set
        raise DestinationError(
            "the destination is empty",
            hint="use a folder such as ./out, or gcs-bucket/<block name>",
        )
    if "://" in path:  # gs://…, s3://…: otherwise a folder of that name would be created
        raise DestinationError(
            f"{destination} is a URL, but the destination must be a Prefect block or a folder",
            hint="use the block of the bucket, for example gcs-bucket/<block name>",
        )
    if _LOOKS_LIKE_BLOCK.match(path):
        raise DestinationError(
            f"{destination} is not the name of a block, which has two parts: gcs-bucket/<name>",
            hint="set a folder inside the bucket in the block itself; for a folder on this machine"
            f" write ./{path}",
        )
    return path


def _refuse_unless_allowed(folder: Path) -> None:
    if os.environ.get(ALLOW_UNMOUNTED, "").lower() in ("1", "true", "yes"):
        return
    folder = folder.resolve()
    # A mount over the working directory would hide the flow, so /data is suggested instead.
    place = Path("/data") if Path.cwd().is_relative_to(folder) else folder
    raise DestinationError(
        f"the destination {folder} is a folder inside this container,"
        " which is lost when the container is removed",
        code="destination-not-mounted",
        hint="use a bucket (destination gcs-bucket/<block name>), or mount a folder:"
        f' [block] volumes = ["/path/on/the/worker:{place}"] and destination {place};'
        f" to write there anyway, set {ALLOW_UNMOUNTED}=1 in [block] env",
    )


def _load_block(slug: str) -> Any:  # noqa: ANN401  # a block of any type
    # To load a block, Prefect imports every installed collection; with prefect-gcp that takes
    # seconds, so these imports do not run for a folder.
    import httpx
    from prefect.blocks.core import Block, UnknownBlockType

    kind, _, name = slug.partition("/")
    try:
        block = _awaited(Block.load(slug))
    except ValueError as exc:
        raise DestinationError(
            f"block {slug} not found: {exc}",
            code="block-not-found",
            hint=f"create a block {name!r} of type {kind!r} in the Prefect UI,"
            f" or write ./{slug} for a folder",
        ) from exc
    except httpx.TransportError as exc:
        raise DestinationError(
            f"the Prefect API is not responding, so the block {slug} cannot be loaded: {exc}",
            code="block-unavailable",
            hint="check that the server is running: `flowship up` starts one on this machine, and"
            " `flowship profile show` prints its address",
        ) from exc
    except UnknownBlockType as exc:
        raise DestinationError(
            f"the package for the block {slug} is not installed",
            code="block-type-unknown",
            hint="add the package to the image's requirements, for example prefect-gcp",
        ) from exc
    if not hasattr(block, "upload_from_path") and not hasattr(block, "write_path"):
        raise DestinationError(
            f"the block {slug} cannot store files",
            code="block-unsupported",
            hint="use a bucket or file system block, for example gcs-bucket/<name>",
        )
    return block


def _local_folder(block: Any) -> Path | None:  # noqa: ANN401  # a block of any type
    from prefect.filesystems import LocalFileSystem

    if isinstance(block, LocalFileSystem):
        return Path(block.basepath or ".").expanduser()
    return None


def _awaited(result: Any) -> Any:  # noqa: ANN401  # blocks may have async methods
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    return result
