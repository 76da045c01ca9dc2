"""Which files of a folder are a split of a benchmark, as Hugging Face lays data sets out?

A folder may be a hub repository (`data/validation-00000-of-00002.parquet`, `CONFIG/validation.csv`,
or what `configs` in the header of its README.md says), its auto-converted branch
(`CONFIG/SPLIT/0000.parquet`), a repository in the hub's cache (`snapshots/REVISION/...`), or what
`save_to_disk` writes, of one split or of several. A missing file, split or configuration, or more
than one that may be meant, raises InputError with what is there. Names of splits are those that the
`datasets` library takes (data_files.py).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from corpus.benchmarks.formats import format_of, read_bytes, unpacked_name
from corpus.benchmarks.settings import BenchmarkSettings
from corpus.benchmarks.shards import (
    CONVERTED,
    SHARD,
    FileGroup,
    base_name,
    full_path,
    grouped,
)
from corpus.errors import InputError

KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""What a split may be called in names of files and folders."""

_ABOUT = {  # files of a repository that hold no item
    "dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json", "config.json",
}  # fmt: skip

Splits = dict[str, list[str]]
"""Files of each split, by its name."""


class Folder:
    """A folder with the data sets below it."""

    def __init__(self, file_system: Any, path: str, name: str = "") -> None:
        self._fs = file_system
        self._path = path.rstrip("/")
        self._name = name or base_name(self._path)

    def groups(self, settings: BenchmarkSettings) -> list[FileGroup]:
        """The split's files, of each configuration that is asked for."""
        snapshot = self._snapshot()
        if snapshot is not None:
            return snapshot.groups(settings)
        configs = settings.configs()
        if len(configs) == 1 and self._is_saved():  # it is the one that is asked for
            return [FileGroup(configs[0] or self._name, self._saved(settings.split))]
        return [self._group(config, settings.split, only=len(configs) == 1) for config in configs]

    def _group(self, config: str, split: str, *, only: bool) -> FileGroup:
        below = self._below(config)
        if config and below._is_saved():
            return FileGroup(config, below._saved(split))
        declared = self._declared()
        configs = declared or self._inferred()
        if not configs:
            raise InputError(f"{self._shown}: no benchmark file in it; expected some of Hugging "
                             "Face's layouts, or name the files themselves")  # fmt: skip
        unnamed = only and list(configs) == [""]  # it is the one that is asked for
        chosen = "" if unnamed else self._chosen(configs, config)
        files = self._split(configs[chosen], split, chosen)
        where = f"{self._shown}: split {split}" if split else self._shown
        groups = grouped(files, where)
        if len(groups) > 1 and not declared:
            raise InputError(
                f"{where}: several files, {', '.join(sorted(map(base_name, files)))}, which are no "
                "shards of one; expected one, or name the files themselves"
            )
        ordered = tuple(path for group in groups for path in group.files)
        return FileGroup(config or self._name, ordered)

    @property
    def _shown(self) -> str:
        return f"benchmark folder {full_path(self._fs, self._path)}"

    def _below(self, *names: str) -> Folder:
        return Folder(self._fs, "/".join((self._path, *names)))

    def _has(self, name: str) -> bool:
        return bool(self._fs.exists(f"{self._path}/{name}"))

    def _read(self, name: str) -> bytes:
        return read_bytes(full_path(self._fs, f"{self._path}/{name}"))

    def _snapshot(self) -> Folder | None:
        """The revision of a repository in the hub's cache."""
        if not self._fs.isdir(f"{self._path}/snapshots"):
            return None
        found = sorted(
            base_name(name) for name in self._fs.ls(f"{self._path}/snapshots", detail=False)
        )
        main = self._read("refs/main").decode().strip() if self._has("refs/main") else ""
        revisions = [main] if main in found else found
        if len(revisions) != 1:
            raise InputError(
                f"{self._shown}: {len(found)} revisions ({', '.join(found) or 'none'}) and none is "
                "main; expected `files` to end in snapshots/REVISION"
            )
        own = self._name.rsplit("--", 1)[-1]  # datasets--ORGANISATION--NAME
        return Folder(self._fs, f"{self._path}/snapshots/{revisions[0]}", own)

    def _is_saved(self) -> bool:
        """Whether `save_to_disk` wrote the folder."""
        return self._has("state.json") or self._has("dataset_dict.json")

    def _saved(self, split: str) -> tuple[str, ...]:
        """The files of what `save_to_disk` wrote, of one split or of several."""
        if self._has("dataset_dict.json"):
            splits = [str(name) for name in self._json("dataset_dict.json")["splits"]]
            return self._below(self._named(splits, split, "split"))._saved("")
        state = self._json("state.json")
        if split and state.get("_split") not in (None, split):
            raise InputError(f"{self._shown}: split {split}: it holds {state['_split']} alone")
        names = [str(one["filename"]) for one in state["_data_files"]]
        missing = [name for name in names if not self._has(name)]
        if missing:
            raise InputError(
                f"{self._shown}: {', '.join(missing)} of its state.json: no such file; bring the "
                "whole folder"
            )
        return tuple(full_path(self._fs, f"{self._path}/{name}") for name in names)

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self._read(name))
        except ValueError as error:
            raise InputError(f"{self._shown}: {name} is not JSON ({error})") from error

    def _declared(self) -> dict[str, Splits]:
        """The configurations that the header of README.md names, with the files that match."""
        if not self._has("README.md"):
            return {}
        header = _yaml_header(self._read("README.md"), f"{self._shown}: README.md")
        found: dict[str, Splits] = {}
        for one in header.get("configs") or ():
            if isinstance(one, dict) and "data_files" in one:
                base = str(one.get("data_dir") or "")
                found[str(one.get("config_name", "default"))] = {
                    split: self._matching(patterns, base)
                    for split, patterns in _patterns(one["data_files"]).items()
                }
        return found

    def _matching(self, patterns: Sequence[str], base: str) -> list[str]:
        files: list[str] = []
        for pattern in patterns:
            path = "/".join(part for part in (self._path, base, pattern) if part)
            files += sorted(str(name) for name in self._fs.glob(path) if not self._fs.isdir(name))
        return [full_path(self._fs, name) for name in dict.fromkeys(files)]

    def _inferred(self) -> dict[str, Splits]:
        """Configurations and splits by the names of folders and files."""
        configs: dict[str, Splits] = defaultdict(lambda: defaultdict(list))
        for name in sorted(str(name) for name in self._fs.find(self._path)):
            inside = name[len(self._path) :].strip("/").split("/")
            if any(part.startswith(".") for part in inside) or inside[-1] in _ABOUT:
                continue
            if format_of(name) is not None:
                config, split = _place(inside)
                configs[config][split].append(full_path(self._fs, name))
        return {config: dict(splits) for config, splits in configs.items()}

    def _chosen(self, configs: Mapping[str, Splits], config: str) -> str:
        if config:
            return self._named(list(configs), config, "config")
        own = [name for name in ("", "default") if name in configs]
        return own[0] if own else self._named(list(configs), "", "config")

    def _split(self, splits: Splits, wanted: str, config: str) -> list[str]:
        names = [*splits]
        if wanted and wanted not in splits:
            same = [name for name in names if _means(name, wanted)]
            wanted = same[0] if len(same) == 1 else wanted
        told = f"config {config}, split" if config else "split"
        files = splits[self._named(names, wanted, told)]
        if not files:
            raise InputError(f"{self._shown}: {told} {wanted}: README.md names files that are not "
                             "there; bring them, too")  # fmt: skip
        return files

    def _named(self, names: Sequence[str], wanted: str, kind: str) -> str:
        """The name that is wanted, or the only one; raises InputError with those there are."""
        there = ", ".join(name or "(none)" for name in names)
        if wanted in names:
            return wanted
        if wanted:
            raise InputError(f"{self._shown}: {kind} {wanted}: not in it; it has {there}")
        if len(names) == 1:
            return names[0]
        key = kind.split()[-1]
        raise InputError(
            f"{self._shown}: which {kind}? It has {there}; expected `{key}` in the benchmark's "
            "settings"
        )


def _place(inside: Sequence[str]) -> tuple[str, str]:
    """Configuration and split of a file by its path inside its folder."""
    *folders, name = inside
    folders = [folder for k, folder in enumerate(folders) if k or folder != "data"]
    shard = SHARD.match(name)
    if shard is not None:
        split = shard["name"]
    elif folders and (CONVERTED.match(name) or _is_split(folders[-1])):
        split = folders.pop()
    else:
        split = base_name(unpacked_name(name)).rsplit(".", 1)[0]
    return "/".join(folders), split


def _means(name: str, split: str) -> bool:
    """Whether a name has a word for the split in it: dev.jsonl, boolq_val.csv, test1.csv."""
    words = KEYWORDS.get(split, (split,))
    return not {*words}.isdisjoint(re.split(r"[-._ 0-9]+", name.lower()))


def _is_split(name: str) -> bool:
    return any(name in words for words in KEYWORDS.values())


def _yaml_header(data: bytes, where: str) -> dict[str, Any]:
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if not lines or lines[0].strip() != "---" or "---" not in lines[1:]:
        return {}
    try:
        header = yaml.safe_load("\n".join(lines[1 : lines.index("---", 1)]))
    except yaml.YAMLError as error:
        raise InputError(f"{where}: its header is not YAML ({error})") from error
    return header if isinstance(header, dict) else {}


def _patterns(data_files: Any) -> dict[str, list[str]]:
    """Patterns of each split: {split: pattern or list}, [{split, path}], or of train alone."""
    if isinstance(data_files, dict):
        return {str(split): _listed(value) for split, value in data_files.items()}
    entries = _listed(data_files)
    if all(isinstance(one, dict) for one in entries):
        return {str(one["split"]): _listed(one["path"]) for one in entries}
    return {"train": entries}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
