"""The files of a benchmark: patterns expanded, folders resolved to their split, shards in order."""

from __future__ import annotations

import fsspec

from corpus.benchmarks.layouts import Folder
from corpus.benchmarks.settings import BenchmarkSettings
from corpus.benchmarks.shards import FileGroup, full_path, grouped
from corpus.errors import InputError


def benchmark_files(settings: BenchmarkSettings) -> list[str]:
    """The files with patterns and folders resolved; raises InputError where one is missing."""
    return [path for group in benchmark_groups(settings) for path in group.files]


def benchmark_groups(settings: BenchmarkSettings) -> list[FileGroup]:
    """The files in groups, by the order of `files`; raises InputError where one is missing."""
    groups: list[FileGroup] = []
    for pattern in settings.files:
        file_system, path = fsspec.core.url_to_fs(pattern)
        matches = sorted(str(name) for name in file_system.glob(path.rstrip("/")))
        if not matches:
            raise InputError(
                f"benchmark file {pattern}: no such file; expected the files that the recipe's "
                "[contamination.benchmarks] names: an unread benchmark is not looked for"
            )
        folders = [name for name in matches if file_system.isdir(name)]
        for name in folders:
            groups += Folder(file_system, name).groups(settings)
        files = [full_path(file_system, name) for name in matches if name not in folders]
        groups += grouped(files, f"benchmark files {pattern}")
    return list(dict.fromkeys(groups))
