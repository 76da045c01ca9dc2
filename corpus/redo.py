"""Several published files replaced as one: all of them, or none, whatever is killed when.

New files are written below `_redo/DATASET/NAME`, flushed, and listed in `_redo/commit.json`, whose
appearance decides: before it, nothing has changed and the rest is thrown away; after it, each file
moves to its place, and whoever comes next finishes what is left. Moving again what has moved does
nothing. Readers should not open what a commit.json says is half moved.

One replacement at a time: whoever writes holds `_redo.lock`, which names it. The lock is the
kernel's (flock), which frees it when its process ends in whatever way; a name that is left in an
unlocked file is of a killed process of this machine, or of another machine's, where a network disk
may not tell whether it still runs.

Cost: the new files have to fit on the disk beside the old ones.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from corpus.errors import InputError, StorageError
from corpus.storage import Store, storage_errors

FOLDER = "_redo"
COMMIT = "commit.json"
LOCK = "_redo.lock"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the lock, as its file says."""

    host: str
    process: int
    began_at: str
    doing: str

    def __str__(self) -> str:
        """In words."""
        return f"`{self.doing}`, process {self.process} of {self.host}, begun at {self.began_at}"


@contextmanager
def alone(store: Store, doing: str) -> Iterator[Holder | None]:
    """Hold the root's lock; gives who was killed holding it on this machine, if anyone was.

    Raises StorageError where another process holds it, or one of another machine left it, and
    InputError where there is no such root.
    """
    path = store.local(LOCK)
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; expected the root of a run")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    own = Holder(host=platform.node(), process=os.getpid(), began_at=now, doing=doing)
    with storage_errors(str(path)):
        file = _locked(path)
    with file:
        left = _holder(file)
        if left is not None and left.host != own.host:
            raise StorageError(
                f"{path}: left by {left}, which is not this machine ({own.host}): whether it still "
                "runs cannot be seen from here; if it does not, remove the file and run again"
            )
        with storage_errors(str(path)):
            file.truncate(0)
            file.write(msgspec.json.encode(own))
            file.flush()
        try:
            yield left
        finally:
            path.unlink()  # before it is unlocked: who gets it then sees that it is gone


def _locked(path: Path) -> BinaryIO:
    """The lock's file, open and locked; raises StorageError where another process has it."""
    while True:
        file = path.open("ab+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            with file:
                if isinstance(error, BlockingIOError):
                    raise StorageError(
                        f"{path}: {_holder(file) or 'another process'} is at work here; wait until "
                        "it has ended and run again. If it hangs, end it: the next one finishes "
                        "what it had decided on"
                    ) from None
                raise StorageError(
                    f"{path}: cannot be locked ({error.strerror}); expected a file system with "
                    "flock: copy the root to one"
                ) from error
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            return file
        file.close()  # its holder has just removed it


def _holder(file: BinaryIO) -> Holder | None:
    """Who wrote the lock's file; None where nobody has, to the end."""
    file.seek(0)
    try:
        return msgspec.json.decode(file.read(), type=Holder)
    except msgspec.MsgspecError:
        return None


def is_pending(store: Store) -> bool:
    """Whether a replacement was decided on and not finished."""
    return store.is_local and store.exists(FOLDER, COMMIT)


def begin(store: Store) -> None:
    """Throw away what was never decided on."""
    store.remove(FOLDER)


def staged(store: Store, *names: str) -> Path:
    """Where to write the new file that will have this name in the store."""
    path = store.local(FOLDER, *names)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def commit(store: Store) -> None:
    """Decide on all that is staged."""
    folder = store.local(FOLDER)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    for inner in sorted({path.parent for path in files}):
        _flush_folder(inner)
    names = [path.relative_to(folder).parts for path in files]
    store.write(json.dumps(names).encode(), FOLDER, COMMIT)
    _flush_folder(folder)


def finish(store: Store) -> None:
    """Move each file that is decided on to its place."""
    for names in json.loads(store.read(FOLDER, COMMIT)):
        path, target = store.local(FOLDER, *names), store.local(*names)
        if path.exists():
            _move(path, target)
    store.local(FOLDER, COMMIT).unlink()
    store.remove(FOLDER)


def _move(path: Path, target: Path) -> None:
    path.replace(target)
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
