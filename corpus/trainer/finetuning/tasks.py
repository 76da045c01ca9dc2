"""Labelled rows: JSON lines -> examples of a task, or the reason why a row is none.

A task is data: its kind, which field of a row plays which role, and whether labels are classes or
scores. Roles are those of GPT-1's four input transforms (Radford et al. 2018, section 3.3):

    classification    text, label
    entailment        premise, hypothesis, label
    similarity        a, b, label: a class, or a score where target is "score"
    multiple_choice   context, choices, answer, and optionally question

A class is text, a whole number or true/false; an answer is the place of a choice, from 0, or its
letter, from A. A row that cannot be read costs itself and is counted; of a packed file that breaks
off the rest would be missing unseen, so that it stops.
Cost: all rows are in memory.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from corpus.config import Settings
from corpus.dumps import BREAK, read_lines
from corpus.errors import ConfigError, InputError
from corpus.ledger import Ledger

Kind = Literal["classification", "entailment", "similarity", "multiple_choice"]
Target = Literal["class", "score"]

TEXT_ROLES: Mapping[Kind, tuple[str, ...]] = {
    "classification": ("text",),
    "entailment": ("premise", "hypothesis"),
    "similarity": ("a", "b"),
    "multiple_choice": ("context",),
}
KINDS = tuple(TEXT_ROLES)

MALFORMED_LINE = "malformed_line"  # no JSON object
MISSING_FIELD = "missing_field"
WRONG_TYPE = "wrong_type"
NO_TEXT = "no_text"
BAD_LABEL = "bad_label"  # neither class nor, where one is expected, a finite score
UNKNOWN_LABEL = "unknown_label"  # of a class that no row of the training file has
TOO_FEW_CHOICES = "too_few_choices"
NO_SUCH_CHOICE = "no_such_choice"

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Task(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What rows hold, and what is to be learnt of them."""

    kind: Kind
    """How texts become a sequence of tokens."""
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    """Field of a row by role, where it has another name than the role."""
    target: Target = "class"
    """score: labels are numbers, of similarity alone."""

    def __post_init__(self) -> None:
        """Refuse what contradicts the kind."""
        if self.target == "score" and self.kind != "similarity":
            raise ValueError(f"target is score, of a {self.kind} task; expected similarity")
        known = (*self.roles(), *(("question",) if self.kind == "multiple_choice" else ()))
        for role in self.fields:
            if role not in known:
                raise ValueError(f"fields.{role}: {self.kind} has {', '.join(known)}")

    def roles(self) -> tuple[str, ...]:
        """Roles of a row, in order; `question` is among them where a field is named for it."""
        texts = TEXT_ROLES[self.kind]
        if self.kind != "multiple_choice":
            return (*texts, "label")
        asked = ("question",) if "question" in self.fields else ()
        return (*texts, *asked, "choices", "answer")

    def text_roles(self) -> tuple[str, ...]:
        """Roles whose field is one text."""
        return tuple(role for role in self.roles() if role not in ("label", "choices", "answer"))

    def field(self, role: str) -> str:
        """Name of a role's field."""
        return self.fields.get(role, role)


Label = str | int | float
"""A class's name; the place of a choice; a score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A row as it is used."""

    line: int
    """Of the file, from 1."""
    texts: tuple[str, ...]
    """By text role, in order."""
    choices: tuple[str, ...] = ()
    """Of multiple choice."""
    label: Label


class Rows(NamedTuple):
    """What a file gave."""

    examples: list[Example]
    ledger: Ledger
    """Rows taken, kept, and dropped by reason."""


class _Dropped(Exception):
    """A row is no example; its argument is the reason."""


def read_examples(path: str, task: Task, *, classes: Sequence[str] | None = None) -> Rows:
    """The examples of a file, packed or not, in its order.

    classes: rows of other classes are dropped. Raises InputError where the file is missing or
    breaks off, or no row of it can be used.
    """
    ledger = Ledger()
    account, examples = ledger.account(), []
    for line, data in enumerate(read_lines(path, kind="file of labelled rows"), 1):
        if data is BREAK:
            raise InputError(
                f"{path}: breaks off after {account.taken:,} rows; expected a whole file: fetch "
                "it again, or pack what is left of it"
            )
        content = data.removeprefix(BYTE_ORDER_MARK).strip()
        if not content:
            continue
        account.taken += 1
        try:
            example = _read(content, line, task, classes)
        except _Dropped as dropped:
            account.dropped[str(dropped)] += 1
            continue
        account.kept += 1
        examples.append(example)
    ledger.check(path)
    if not examples:
        reasons = ", ".join(f"{count:,} {name}" for name, count in sorted(account.dropped.items()))
        wanted = ", ".join(f"{role} in field {task.field(role)!r}" for role in task.roles())
        raise InputError(f"{path}: no row can be used ({reasons}); expected JSON lines: {wanted}")
    return Rows(examples, ledger)


def class_names(examples: Iterable[Example], *, where: str) -> tuple[str, ...]:
    """The classes of examples, sorted; raises InputError where there is one alone."""
    names = tuple(sorted({str(example.label) for example in examples}))
    if len(names) < 2:
        raise InputError(f"{where}: every row is of the class {names[0]!r}, expected two at least")
    return names


def hold_out(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Examples apart in two: those kept, and about this share of them, which is held out.

    By a hash of their texts, so that rows of the same texts stand on the same side, and no order of
    the file matters.
    """
    limit = int(share * 2**64)
    kept: list[Example] = []
    held: list[Example] = []
    for example in examples:
        (held if _number("hold_out", example) < limit else kept).append(example)
    return kept, held


def draw(examples: Sequence[Example], num: int) -> list[Example]:
    """So many of the examples, in their order, by a hash of their texts; all where there are less.

    A smaller draw is part of a larger one.
    """
    by_number = sorted(range(len(examples)), key=lambda i: (_number("draw", examples[i]), i))
    return [examples[i] for i in sorted(by_number[:num])]


def _number(purpose: str, example: Example) -> int:
    """A uniform number below 2^64, fixed by the purpose and the example's texts."""
    joined = "\x00".join((purpose, *example.texts, *example.choices))
    digest = hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _read(line: bytes, number: int, task: Task, classes: Sequence[str] | None) -> Example:
    """The example of a line; raises _Dropped."""
    try:
        row = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise _Dropped(MALFORMED_LINE) from None
    if any(task.field(role) not in row for role in task.roles()):
        raise _Dropped(MISSING_FIELD)
    texts = tuple(_text(row[task.field(role)]) for role in task.text_roles())
    if task.kind == "multiple_choice":
        choices = _choices(row[task.field("choices")])
        answer = _answer(row[task.field("answer")], len(choices))
        return Example(line=number, texts=texts, choices=choices, label=answer)
    label = _label(row[task.field("label")], task.target)
    if classes is not None and label not in classes:
        raise _Dropped(UNKNOWN_LABEL)
    return Example(line=number, texts=texts, label=label)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Dropped(WRONG_TYPE)
    if not value.strip():
        raise _Dropped(NO_TEXT)
    return value


def _choices(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _Dropped(WRONG_TYPE)
    if len(value) < 2:
        raise _Dropped(TOO_FEW_CHOICES)
    return tuple(map(_text, value))


def _answer(value: object, num_choices: int) -> int:
    """The place of an answer, given as such or as a letter."""
    if isinstance(value, str) and len(value) == 1:
        value = ord(value.upper()) - ord("A")
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Dropped(BAD_LABEL)
    if not 0 <= value < num_choices:
        raise _Dropped(NO_SUCH_CHOICE)
    return value


def _label(value: object, target: Target) -> Label:
    if target == "score":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _Dropped(BAD_LABEL)
        if not math.isfinite(value):
            raise _Dropped(BAD_LABEL)
        return float(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int) or value == "":
        raise _Dropped(BAD_LABEL)
    return str(value)


def make_task(kind: str, fields: Sequence[str], target: str) -> Task:
    """A task from words: a kind, role=field pairs, and what labels are; raises ConfigError."""
    pairs = dict(pair.split("=", 1) for pair in fields if "=" in pair)
    if len(pairs) < len(fields):
        raise ConfigError(f"--field {' '.join(fields)}: expected ROLE=FIELD, each role once")
    try:
        return msgspec.convert({"kind": kind, "fields": pairs, "target": target}, Task)
    except msgspec.ValidationError as error:
        raise ConfigError(f"task {kind}: {error}") from error
