"""The zip for `spark-submit --py-files`: our three packages, nothing else.

Libraries with compiled code cannot travel so: ship them as a packed environment (--archives).
"""

from __future__ import annotations

import zipfile
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

PACKAGES = ("corpus", "filters", "jobs")

# A fixed date, so that the same sources give the same zip: the earliest that the format can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)


def build_zip(target: Path) -> int:
    """Write the zip; returns the number of files in it."""
    files = [
        (f"{package}/{name}", data)
        for package in PACKAGES
        for name, data in _walk(resources.files(package))
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
    return len(files)


def _walk(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                found += _walk(entry, f"{prefix}{entry.name}/")
        else:
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found
