"""Files below one root: a local folder, or an object store or file system that fsspec knows.

A file appears whole or not at all: it is written under a temporary name, flushed to disk and
renamed (an object store's upload is whole by itself). Parts are built in a scratch folder of their
own, so that a killed, retried or speculative task never touches a published file.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpus.errors import SetupError, StorageError

SCRATCH = "_scratch"
# For 5 s: tasks that Spark has called off end within 2 (spark.python.task.killTimeout).
_REMOVALS, _REMOVAL_SECONDS = 100, 0.05
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


class Store:
    """Files below one root, named by path segments."""

    def __init__(self, root: str) -> None:
        self.root = root
        protocol, is_url, path = root.partition("://")
        self.is_local = not is_url or protocol in ("file", "local")
        if self.is_local:
            self._fs: Any = _Disk()
            self._base = str(Path(path if is_url else root).expanduser().absolute())
        else:
            self._fs, self._base = _remote(root)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Store, (self.root,))

    def path(self, *names: str) -> str:
        """The full path, as pyarrow and Spark take it."""
        inside = "/".join((self._base.rstrip("/"), *names))
        return inside if self.is_local else str(self._fs.unstrip_protocol(inside))

    def local(self, *names: str) -> Path:
        """The path on this machine; raises StorageError where the root lies elsewhere."""
        if not self.is_local:
            raise StorageError(
                f"{self.path(*names)}: this step maps files into memory and needs a local or "
                "mounted root, got a remote one; copy it here, or mount it"
            )
        return Path(self.path(*names))

    def exists(self, *names: str) -> bool:
        """Whether there is a file or folder of that name."""
        return bool(self._fs.exists(self._inside(*names)))

    def size(self, *names: str) -> int:
        """Bytes of the file."""
        return int(self._fs.size(self._inside(*names)))

    def names(self, *names: str) -> list[str]:
        """Names of the files and folders in a folder, sorted; none where it does not exist."""
        self._fs.invalidate_cache()
        if not self._fs.exists(self._inside(*names)):
            return []
        found = self._fs.ls(self._inside(*names), detail=False)
        return sorted(str(name).rstrip("/").rsplit("/", 1)[-1] for name in found)

    def read(self, *names: str) -> bytes:
        """The file's bytes."""
        data: bytes = self._fs.cat_file(self._inside(*names))
        return data

    def read_range(self, *names: str, start: int, size: int) -> bytes:
        """So many of the file's bytes, from a place on."""
        data: bytes = self._fs.cat_file(self._inside(*names), start=start, end=start + size)
        return data

    def open(self, *names: str) -> Any:
        """The file, open for reading bytes."""
        return self._fs.open(self._inside(*names), "rb")

    def open_for_arrow(self, *names: str) -> Any:
        """The file, open for pyarrow to read.

        On this machine it is a file of Arrow's own: of a Python file its threads may still hold
        pieces when the interpreter ends, which aborts a short command after it has answered.
        """
        import pyarrow as pa

        return pa.OSFile(self.path(*names)) if self.is_local else self.open(*names)

    def write(self, data: bytes, *names: str) -> None:
        """Write a small file whole."""
        with self.scratch() as folder:
            path = folder / "file"
            with storage_errors(self.path(*names)):
                path.write_bytes(data)
            self.publish(path, *names)

    def publish(self, built: Path, *names: str) -> None:
        """Move a finished file of this machine to its place, whole."""
        with storage_errors(self.path(*names)):
            if self.is_local:
                target = Path(self.path(*names))
                target.parent.mkdir(parents=True, exist_ok=True)
                with built.open("rb") as handle:
                    os.fsync(handle.fileno())
                built.replace(target)
            else:
                self._fs.put_file(str(built), self._inside(*names))

    def remove(self, *names: str) -> None:
        """Remove a file, or a folder with all that it holds; nothing where there is none."""
        if self._fs.exists(self._inside(*names)):
            with storage_errors(self.path(*names)):
                self._fs.rm(self._inside(*names), recursive=True)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder of this machine for one writer, on the root's own disk where that is local."""
        with storage_errors(self.path(SCRATCH)):
            if self.is_local:
                folder = Path(self.path(SCRATCH, uuid.uuid4().hex))
                folder.mkdir(parents=True)
            else:
                folder = Path(tempfile.mkdtemp(prefix="winnow-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def check_writable(self) -> None:
        """Raise StorageError where nothing can be written below the root."""
        self.write(b"", "_stages", ".writable")

    def _inside(self, *names: str) -> str:
        return "/".join((self._base.rstrip("/"), *names))


class _Disk:
    """This machine's files by the methods of fsspec, which takes 70 ms to import."""

    exists = staticmethod(os.path.exists)
    size = staticmethod(os.path.getsize)

    def invalidate_cache(self) -> None:
        """There is none."""

    def ls(self, path: str, *, detail: bool) -> list[str]:
        """Names in a folder."""
        return [entry.name for entry in Path(path).iterdir()]

    def cat_file(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """A file's bytes, or some of them."""
        with self.open(path, "rb") as handle:
            handle.seek(start)
            return bytes(handle.read(-1 if end is None else end - start))

    def open(self, path: str, mode: str) -> Any:
        """A file, open."""
        return Path(path).open(mode)

    def rm(self, path: str, *, recursive: bool) -> None:
        """Remove a file or folder, in which a task of an earlier run may be at work meanwhile."""
        for tries_left in reversed(range(_REMOVALS)):
            try:
                if Path(path).is_dir():
                    shutil.rmtree(path)
                else:
                    Path(path).unlink(missing_ok=True)
                return
            except OSError as error:  # it has written a file there, or removed its own
                if tries_left == 0 or error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                    raise
                time.sleep(_REMOVAL_SECONDS)


def _remote(root: str) -> tuple[Any, str]:
    """The file system of an address and the path there; raises SetupError."""
    import fsspec

    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(root)
    except (ImportError, ValueError) as error:
        protocol = root.partition("://")[0]
        raise SetupError(
            f"{root}: no way to reach {protocol}:// is installed ({error}); for S3 run "
            "`pip install 'winnow[s3]'`, or give a local folder"
        ) from error
    return found


@contextmanager
def storage_errors(where: str, *, only_full: bool = False) -> Iterator[None]:
    """Turn a full disk or a forbidden folder into one StorageError that says so.

    With `only_full`, for code that also reads, a forbidden file stays its own error.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageError(
                f"{where}: the disk is full ({error.strerror}); free some space and run again: "
                "finished parts are kept"
            ) from error
        if not only_full and error.errno in _FORBIDDEN:
            raise StorageError(
                f"{where}: cannot be written ({error.strerror}); choose another --root, or change "
                "its permissions"
            ) from error
        raise
