"""Several published files replaced as one: all of them, or none, whatever is killed when.

New files are written below `_redo/DATASET/NAME`, flushed, and listed in `_redo/commit.json`, whose
appearance decides: before it, nothing has changed and the rest is thrown away; after it, each file
moves to its place, and whoever comes next finishes what is left. Moving again what has moved does
nothing. Readers should not open what a commit.json says is half moved.

Cost: the new files have to fit on the disk beside the old ones.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from corpus.storage import Store

FOLDER = "_redo"
COMMIT = "commit.json"


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
