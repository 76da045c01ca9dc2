"""Files whose items are numbered together: one alone, or the shards of one split in their order.

Shards are told by their names, as the `datasets` library and the hub's converter write them:
NAME-00000-of-00002.SUFFIX, or 0000.parquet in a folder of their own. One that is missing raises
InputError.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from corpus.errors import InputError

SHARD = re.compile(r"(?P<name>.*?)-(?P<number>\d{5})-of-(?P<total>\d{5})(-[0-9a-f]{16})?\.")
CONVERTED = re.compile(r"(?P<number>\d{4})\.parquet$")


class FileGroup(NamedTuple):
    """The files whose items are numbered together: one file, or the shards of one split."""

    name: str
    """Base name of the file, name of the configuration, or of the folder."""
    files: tuple[str, ...]


def grouped(files: Iterable[str], where: str) -> list[FileGroup]:
    """Each file, those of one split's shards together; raises InputError at a gap."""
    groups: dict[tuple[str, int | None], dict[int, str]] = defaultdict(dict)
    for path in files:
        folder, _, name = path.rpartition("/")
        shard, converted = SHARD.match(name), CONVERTED.match(name)
        if shard is not None:
            groups[f"{folder}/{shard['name']}", int(shard["total"])][int(shard["number"])] = path
        elif converted is not None:
            groups[folder, None][int(converted["number"])] = path
        else:
            groups[path, 1][0] = path
    return [
        FileGroup(_stem(name), _whole(own, total, f"{where}: {base_name(name)}"))
        for (name, total), own in groups.items()
    ]


def _whole(shards: Mapping[int, str], total: int | None, where: str) -> tuple[str, ...]:
    """The shards in their order; raises InputError where one is missing or too many."""
    expected = range(max(shards) + 1 if total is None else total)
    odd = sorted(set(expected) ^ set(shards))
    if odd:
        raise InputError(
            f"{where}: shard {odd[0]:05d} of {len(expected)} is "
            f"{'missing' if odd[0] in expected else 'one too many'}; bring all of them: an unread "
            "item is not looked for"
        )
    return tuple(shards[number] for number in expected)


def full_path(file_system: Any, name: str) -> str:
    """A name of a file system as it is opened: a path here, an address elsewhere."""
    protocol = file_system.protocol
    is_local = "file" in ((protocol,) if isinstance(protocol, str) else protocol)
    return name if is_local else str(file_system.unstrip_protocol(name))


def base_name(path: str) -> str:
    """The last name of a path."""
    return path.rsplit("/", 1)[-1]


def _stem(path: str) -> str:
    """The name of a file before its first dot."""
    return base_name(path).split(".", 1)[0]
