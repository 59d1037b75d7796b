"""Where a month goes: a Prefect block that can write, or a folder.

``type-slug/name`` is a block, as in ``gcs-bucket/taxi``; everything else is a folder
(``./out``, ``/data/taxi``, ``.``). A folder inside a container that is removed after the run
is refused unless it is mounted: the run would succeed and its result be gone.
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
"""Environment variable: set to 1, a container's own folders are good enough."""

STALE = 24 * 3600  # seconds after which an unfinished file is nobody's

_BLOCK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[A-Za-z0-9][A-Za-z0-9_-]*")

# What nobody calls a folder: the kind of a block alone, or a block with a folder behind it.
_NEARLY_BLOCK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-(bucket|container|file-?system)(/|\Z)")

# Mounted in every container, and gone with it.
_ALWAYS_MOUNTED = tuple(Path(p) for p in ("/dev", "/proc", "/sys", "/run"))


Finish = Callable[[], str]


class Destination(Protocol):
    """Something that keeps files under keys."""

    def staging(self, key: str) -> AbstractContextManager[Path]:
        """A place on this machine to make the file that becomes `key`; gone afterwards."""

    def write(self, path: Path, key: str) -> str:
        """Store the file at `path` as `key`, whole or not at all; the answer says where it is."""

    def sending(self, path: Path, key: str) -> AbstractContextManager[Finish]:
        """Store the file at `path`, which is written inside the block, as `key`.

        Calling what the block is given says that the file is whole, and answers where it is;
        a block that is left without that leaves the destination as it was.
        """

    def holds(self, key: str, size: int) -> bool:
        """Whether `key` is there with its `size` in bytes, as far as that can be asked."""

    def read(self, key: str) -> bytes | None:
        """The content of `key`, None where there is none."""


@dataclass(frozen=True)
class FolderDestination:
    """A folder on this machine; a file appears in it whole or not at all."""

    folder: Path

    @contextmanager
    def staging(self, key: str) -> Iterator[Path]:
        """A hidden file beside the place of `key`: taking its place is one step then."""
        target = self.folder / key
        # Two runs may load the same month: each has a file of its own.
        part = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
        with _translated(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep(target)
            part.touch()
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def write(self, path: Path, key: str) -> str:
        """Copy the file beside its place, where it is not there yet; then rename it into it."""
        target = self.folder / key
        if path.parent == target.parent:
            with _translated(target):
                _settle(path)
                path.replace(target)
        else:
            with self.staging(key) as part, _translated(target):
                shutil.copyfile(path, part)
                _settle(part)
                part.replace(target)
        return str(target)

    @contextmanager
    def sending(self, path: Path, key: str) -> Iterator[Finish]:
        """There is nothing to send: the file takes its place when it is whole."""
        yield lambda: self.write(path, key)

    def holds(self, key: str, size: int) -> bool:
        """Whether the file is there, and as large as it was."""
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
                f"{self.folder / key} cannot be read: {exc.strerror or exc}"
            ) from exc


@dataclass(frozen=True)
class BlockDestination:
    """A Prefect block that has ``upload_from_path`` (buckets) or ``write_path`` (file systems).

    A bucket shows an object when its upload is complete, and not before.
    """

    slug: str
    block: Any

    @contextmanager
    def staging(self, key: str) -> Iterator[Path]:
        """A temporary file: an upload that is interrupted can then be repeated from it."""
        with TemporaryDirectory(prefix="flowship-etl-") as temporary:
            yield Path(temporary) / Path(key).name

    def write(self, path: Path, key: str) -> str:
        """Upload the file; with ``write_path`` alone it passes through memory as a whole."""
        with self._speaking():
            if hasattr(self.block, "upload_from_path"):
                stored = _finished(self.block.upload_from_path(path, key))
            else:
                stored = _finished(self.block.write_path(key, path.read_bytes()))
        return f"{self.slug}: {stored or key}"

    @contextmanager
    def sending(self, path: Path, key: str) -> Iterator[Finish]:
        """To Google's buckets the file goes while it is written; others get it when it is whole.

        What could not be sent meanwhile is sent again as a whole file.
        """
        if not self.slug.startswith("gcs-bucket/"):
            yield lambda: self.write(path, key)
            return
        name = f"{self.block.bucket_folder}{key}"

        def send(file: BinaryIO) -> None:
            # The block's own upload would hold 100 MB of the file at a time.
            self.block.get_bucket().blob(name, chunk_size=PIECE).upload_from_file(file)

        with Upload(path, send) as upload:
            yield lambda: f"{self.slug}: {name}" if upload.finish() else self.write(path, key)

    def holds(self, key: str, size: int) -> bool:
        """Whether the bucket lists the object; a block that cannot list is taken at its word."""
        names = self._names(key)
        return names is None or any(_ends_with(name, key) for name in names)

    def read(self, key: str) -> bytes | None:
        """The object's content; None too where the block can only write."""
        names = self._names(key)
        if names is not None and not any(_ends_with(name, key) for name in names):
            return None
        if not hasattr(self.block, "read_path"):
            return None
        with self._speaking():
            try:
                content = _finished(self.block.read_path(key))
            except (FileNotFoundError, ValueError):  # how file systems say that it is not there
                return None
        return content.encode() if isinstance(content, str) else bytes(content)

    def _names(self, key: str) -> list[str] | None:
        # Buckets of Google and Azure list blobs, of Amazon objects; file systems do neither.
        with self._speaking():
            if hasattr(self.block, "list_blobs"):
                return [str(blob.name) for blob in _finished(self.block.list_blobs(key))]
            if hasattr(self.block, "list_objects"):
                return [str(item["Key"]) for item in _finished(self.block.list_objects(key))]
        return None

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Whatever the block's client raises is about the destination.

        Raises:
            DestinationError: It could not be reached, or refused.
        """
        try:
            yield
        except Exception as exc:  # any vendor's client, with any vendor's errors
            told = str(exc) or type(exc).__name__
            raise DestinationError(
                f"{self.slug} does not do what it should: {told}",
                hint="look at the block in the Prefect UI: bucket, credentials, permissions",
            ) from exc


def _ends_with(name: str, key: str) -> bool:
    # The block's own folder comes before the key.
    return name == key or name.endswith(f"/{key}")


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise DestinationError(f"{target} cannot be written: {exc.strerror or exc}") from exc


def _sweep(target: Path) -> None:
    # A run that was killed could not tidy up; one that still goes on is younger than this.
    for part in target.parent.glob(f".{target.name}.*.part"):
        if time.time() - part.stat().st_mtime > STALE:
            part.unlink(missing_ok=True)


def _settle(path: Path) -> None:
    # On the disk before it has its name, or a power cut could leave a name without a content.
    with path.open("rb") as file:
        os.fsync(file.fileno())


def object_key(colour: str, year: int, month: int) -> str:
    """The name a month is stored under, below the folder or the bucket's own folder."""
    return OBJECT_KEY.format(colour=colour, year=year, month=month)


def beside(key: str, suffix: str) -> str:
    """The name of a file about `key`: beside it, and passed over by readers of whole folders.

    Spark, Hive, Arrow and Athena skip names that begin with an underscore.
    """
    folder, _, name = key.rpartition("/")
    return f"{folder}/_{name.removesuffix('.parquet')}.{suffix}"


def is_block(destination: str) -> bool:
    """Whether `destination` names a block (``gcs-bucket/taxi``) rather than a folder."""
    return _BLOCK.fullmatch(destination) is not None


def in_container() -> bool:
    """Whether this process runs in a container: Docker's, Podman's or Kubernetes' marks."""
    return (
        Path("/.dockerenv").exists()
        or Path("/run/.containerenv").exists()
        or "KUBERNETES_SERVICE_HOST" in os.environ
    )


def is_mounted(folder: Path) -> bool:
    """Whether `folder`, or a folder above it other than ``/``, is a mount that outlives us."""
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
    """Find out where to write, and refuse what could not keep the data.

    Args:
        destination: ``type-slug/name`` of a block, or a folder.
        contained: Tells whether we are in a container.
        mounted: Tells whether a folder outlives the container.

    Raises:
        DestinationError: No such block, a block that cannot write, or a folder that would be
            lost with the container.
    """
    if is_block(destination):
        block = _load_block(destination)
        folder = _local_folder(block)
        # The folder itself, since the block's own way of writing can be cut in the middle.
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
                f"{path} is a file, and months are written into a folder",
                hint="name a folder, such as ./out; each month is a file below it",
            )


def _local_path(destination: str) -> str:
    path = destination.removeprefix("file://")
    if not path.strip():  # a variable that is not set
        raise DestinationError(
            "the destination is empty", hint="a folder such as ./out, or gcs-bucket/<block name>"
        )
    if "://" in path:  # gs://…, s3://…: as a folder it would be made here
        raise DestinationError(
            f"{destination} is an address: months go to a Prefect block or a folder",
            hint="a bucket is named by its block, for instance gcs-bucket/<block name>",
        )
    if _NEARLY_BLOCK.match(path):
        raise DestinationError(
            f"{destination} is not the name of a block, which has two parts: gcs-bucket/<name>",
            hint=f"a folder in the bucket is the block's own to name; write ./{path} if a folder"
            " on this machine is meant",
        )
    return path


def _refuse_unless_allowed(folder: Path) -> None:
    if os.environ.get(ALLOW_UNMOUNTED, "").lower() in ("1", "true", "yes"):
        return
    folder = folder.resolve()
    # A mount over the working directory would hide the flow itself.
    place = Path("/data") if Path.cwd().is_relative_to(folder) else folder
    raise DestinationError(
        f"the destination {folder} is a folder of this container,"
        " and is lost when the container is removed",
        hint="use a bucket (destination gcs-bucket/<block name>), or mount a folder:"
        f' [block] volumes = ["/path/on/the/worker:{place}"] and destination {place};'
        f" {ALLOW_UNMOUNTED}=1 in [block] env writes there all the same",
    )


def _load_block(slug: str) -> Any:  # noqa: ANN401  # any block type, known only when it is loaded
    # Loading a block makes Prefect import every installed collection; with prefect-gcp that
    # takes seconds, so nothing of it happens for a folder.
    import httpx
    from prefect.blocks.core import Block, UnknownBlockType

    kind, _, name = slug.partition("/")
    try:
        block = _finished(Block.load(slug))
    except ValueError as exc:
        raise DestinationError(
            f"there is no block {slug}: {exc}",
            hint=f"create a block {name!r} of type {kind!r} in the Prefect UI"
            f", or write ./{slug} if a folder is meant",
        ) from exc
    except httpx.TransportError as exc:
        raise DestinationError(
            f"the Prefect API, which knows the block {slug}, does not answer: {exc}",
            hint="is the server up? `flowship up` starts one here, `flowship profile show` tells"
            " which is meant",
        ) from exc
    except UnknownBlockType as exc:
        raise DestinationError(
            f"the type of the block {slug} is not known here",
            hint="add its package to the image's requirements, for instance prefect-gcp",
        ) from exc
    if not hasattr(block, "upload_from_path") and not hasattr(block, "write_path"):
        raise DestinationError(
            f"the block {slug} cannot take files",
            hint="use a bucket or file system block, for instance gcs-bucket/<name>",
        )
    return block


def _local_folder(block: Any) -> Path | None:  # noqa: ANN401  # as above
    from prefect.filesystems import LocalFileSystem

    if isinstance(block, LocalFileSystem):
        return Path(block.basepath or ".").expanduser()
    return None


def _finished(result: Any) -> Any:  # noqa: ANN401  # a block's methods may be async or not
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    return result
