"""What a recipe says of a benchmark: where it lies, and how it is read where that is not known."""

from __future__ import annotations

import msgspec

from corpus.benchmarks.registry import Reading, known_benchmark

FILE = "{file}"
"""What stands for a file's name in a task's."""


class BenchmarkSettings(Reading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one benchmark lies and which of its fields are its text."""

    known: str = ""
    """Name in the registry, whose entry gives each setting that is left at its default here."""
    files: tuple[str, ...]
    """Paths, glob patterns, or folders as Hugging Face lays out a data set (a repository, its
    auto-converted branch, the hub's cache, what save_to_disk writes), each of which must be there;
    `{data}` is expanded."""

    def __post_init__(self) -> None:
        """Take what the registry knows, and refuse what cannot be read."""
        if self.known:
            self._take_known()
        if not self.files:
            raise ValueError("files: expected at least one path")
        if self.text and "text" in self.fields:
            raise ValueError("text and fields.text name the same field; expected one of them")
        if self.lines_per_item < 1:
            raise ValueError(f"lines_per_item {self.lines_per_item}: expected 1 or more")
        if self.item_id and self.group_by:
            raise ValueError("item_id and group_by both number the items; expected one of them")
        if self.item_id and self.is_task_by_file():
            raise ValueError(
                "item_id: own ids do not tell the file that `task` names by {file}; expected "
                "item_id to be left out, or a task without {file}"
            )

    def paths(self) -> dict[str, tuple[str, ...]]:
        """Paths of each field, in the order of the recipe."""
        named: dict[str, tuple[str, ...]] = {name: paths for name, paths in self.fields.items()}
        return {**named, "text": self.text} if self.text else named

    def tasks(self) -> tuple[str, ...]:
        """Names of its tasks, with `{file}` where there is one a file."""
        if isinstance(self.task, str):
            return (self.task,) if self.task else ()
        return self.task

    def is_task_by_file(self) -> bool:
        """Whether each file, configuration or group has a task of its own."""
        return any(FILE in task for task in self.tasks())

    def configs(self) -> tuple[str, ...]:
        """The configurations that are asked for; one that is empty: the folder's own choice."""
        return (self.config,) if isinstance(self.config, str) else self.config

    def _take_known(self) -> None:
        entry = known_benchmark(self.known)
        own_text = bool(self.text or self.fields)
        for field in msgspec.structs.fields(Reading):
            is_text = field.name in ("text", "fields")
            if getattr(self, field.name) == _default(field) and not (is_text and own_text):
                msgspec.structs.force_setattr(self, field.name, getattr(entry, field.name))


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory()
