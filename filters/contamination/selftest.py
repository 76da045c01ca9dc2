"""Does the stage find, name and cut what is planted, and nothing else? Its answers, counted.

Each planted document (plants.py) is held against a plain twin (twin.py), which shares no code with
the stage's kernels: an item is due where the twin finds an N-gram of it in what was planted. Unlike
deduplication, which finds with a chance, the stage promises all: every N-gram that the twin finds
is reported at the same characters, and no other; the items are named, those N-grams of one text
that overlap as one match; and what is left is the document without them and their windows.

An item whose N-grams are all too frequent to be removed (`num_exempt`) is due to be found, and its
passage due to stay. Clean text is what stands around the plants: documents in which the stage has
found nothing, so that an N-gram that the twin finds there was missed in the corpus itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from corpus.intervals import wilson_interval
from filters.contamination import Rule
from filters.contamination.plants import KINDS, SAME_WORDS, Plant
from filters.contamination.twin import Found, Ngram, Span, Words, plain_matches, plain_verdict
from filters.tallies import aligned, plain

NUM_EXAMPLES = 20  # plants of which what is wrong is told

Match = tuple[int, int, int]
"""First character, one past the last, and the number of the text."""


class Said(NamedTuple):
    """What the stage said of a planted document."""

    ngrams: Collection[Ngram]
    matches: Collection[Match]
    """Those that are removed."""
    pieces: Sequence[Span]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one plant."""

    kind: str
    """One of plants.KINDS."""
    benchmark: str
    item_id: str
    num_words: int
    """Words of the longest text that was planted."""
    ngram_size: int
    """N of that text."""
    num_due: int
    """N-grams of the item in what was planted, by the twin."""
    num_found: int
    """Of those, reported at the same characters."""
    is_exempt: bool
    """Whether all that is due is too frequent to be removed."""
    num_missed: int
    """N-grams of any item that the twin finds in the document and the stage does not."""
    num_false: int
    """N-grams that the stage reports in the document and the twin does not find."""
    num_clean_hits: int
    """N-grams that the stage reports outside of what was planted."""
    is_named: bool
    """Whether the matches that are removed are those of the twin: items, fields and characters."""
    is_cut: bool
    """Whether what stays, or why nothing does, is what the twin leaves."""
    num_characters: int
    """Of the document."""
    num_cut_characters: int
    """Of those, cut."""
    num_clean_characters: int
    """Of the document, around what was planted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Plants of one kind, of one length, or all."""

    kind: str
    """One of plants.KINDS, a length in words, or "all"."""
    meaning: str
    """What the kind is."""
    num_planted: int
    num_due: int
    """Plants in which the twin finds an N-gram of the item."""
    num_found: int
    """Of those, with such an N-gram reported."""
    recall: float | None
    """Found over due; None where nothing was due."""
    interval: tuple[float, float]
    """Wilson's 95 % interval of the recall; 0..1 where nothing was due."""
    num_exempt: int
    """Of those due, in N-grams alone that are too frequent to be removed."""
    num_ngrams_due: int
    """N-grams of the items in what was planted."""
    num_ngrams_found: int
    num_named: int
    """Plants whose matches name the right items at the right characters, or nothing rightly."""
    num_cut: int
    """Plants whose documents were cut as the twin cuts them, or left whole as it leaves them."""
    num_false: int
    """N-grams that the stage reports and the twin does not find."""
    num_characters: int
    """Of the planted documents."""
    num_cut_characters: int
    """Of those, cut with what was found."""


class ShortTexts(NamedTuple):
    """What texts shorter than the greatest N do to the corpus itself, which is not planted.

    A few common words can make them up. No twin tells chance from contamination: so many documents
    are hit wrongly at most.
    """

    num_documents: int
    """Of the corpus."""
    num_hit: int
    """Of those, with matches of such texts alone among those that are removed."""


NO_CORPUS = ShortTexts(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What became of all plants of a run."""

    kinds: tuple[Tally, ...]
    """Kinds that were planted, in the order of plants.KINDS."""
    lengths: tuple[Tally, ...]
    """Plants whose words stay as they are, by the words of the longest text that was planted."""
    total: Tally
    num_clean_characters: int
    """Of clean text, around the plants."""
    num_clean_hits: int
    """N-grams reported there."""
    num_unchanged: int
    """Plants whose words stay as they are, and which are long enough to hold an N-gram."""
    num_unchanged_due: int
    """Of those, in which the twin finds one."""
    num_missed: int
    """N-grams that the twin finds in planted documents and the stage does not."""
    short: ShortTexts
    examples: tuple[str, ...]
    """Some plants of which something is wrong: kind, benchmark:item, what."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, a sentence each; empty where the stage did all that it promises."""
        total = self.total
        num_lost = total.num_due - total.num_found
        num_unchanged_lost = self.num_unchanged - self.num_unchanged_due
        wrong = (
            (num_lost, "plants were due and not found"),
            (self.num_missed, "N-grams were due and not reported"),
            (total.num_false, "N-grams were reported that are not there"),
            (self.num_clean_hits, "N-grams were reported in clean text"),
            (total.num_planted - total.num_named, "plants were named or merged wrongly"),
            (total.num_planted - total.num_cut, "documents were cut wrongly"),
            (num_unchanged_lost, "plants kept all words and hold no N-gram"),
        )
        found = [f"{number:,} {what}." for number, what in wrong if number]
        if not total.num_due:
            found.append("No plant was due, so that nothing is known of recall: plant more.")
        if not self.num_clean_characters:
            found.append("There was no clean text, so that nothing is known of false hits.")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**plain(asdict(self)), "short": self.short._asdict(), "faults": [*self.faults]}

    def lines(self) -> list[str]:
        """Tables for the terminal: a row a kind, a length, one of all, and what is wrong."""
        return lines(self.to_json())


def lines(found: dict[str, Any]) -> list[str]:
    """The same of a self-test as to_json gives it."""
    short = found["short"]
    groups = [[*found["kinds"]], [*found["lengths"]], [found["total"]]]
    rows = [_HEAD, *(_cells(tally) for group in groups for tally in group)]
    num_too_short = sum(row["num_planted"] for row in found["lengths"]) - found["num_unchanged"]
    return [
        *aligned(rows),
        f"Planted with all words and not due: {num_too_short:,}, whose texts are shorter than N.",
        f"Clean text around them: {found['num_clean_characters']:,} characters, "
        f"{found['num_clean_hits']:,} hits.",
        f"Documents of the corpus with matches of texts shorter than the greatest N alone: "
        f"{short['num_hit']:,} of {short['num_documents']:,}; no more are hit by chance.",
        *found["examples"],
        *(found["faults"] or ["All that was due was found, named and cut, and nothing else."]),
    ]


def compare(
    plant: Plant, said: Said, due: Found, texts: Sequence[Words], own: Collection[int],
    exempt: Collection[str], rule: Rule,
) -> Outcome:  # fmt: skip
    """What became of one plant.

    due: what the twin finds in its document, of texts. own: the numbers of the item's texts.
    exempt: words of the N-grams that are too frequent to be removed.
    """
    planted = {
        ngram for ngram, texts in due.items()
        if plant.start <= ngram.start and ngram.end <= plant.end and any(t in own for t in texts)
    }  # fmt: skip
    reported, wanted = set(said.ngrams), set(due)
    length = len(plant.text)
    left = plain_verdict(plant.text, due, texts, exempt, rule)
    return Outcome(
        kind=plant.kind,
        benchmark=plant.benchmark,
        item_id=plant.item_id,
        num_words=plant.num_words,
        ngram_size=plant.ngram_size,
        num_due=len(planted),
        num_found=len(planted & reported),
        is_exempt=bool(planted) and all(ngram.words in exempt for ngram in planted),
        num_missed=len(wanted - reported),
        num_false=len(reported - wanted),
        num_clean_hits=sum(n.end <= plant.start or n.start >= plant.end for n in reported),
        is_named=set(said.matches) == plain_matches(due, exempt),
        is_cut=(list(said.pieces), said.reason) == left,
        num_characters=length,
        num_cut_characters=length - sum(end - start for start, end in said.pieces),
        num_clean_characters=length - (plant.end - plant.start),
    )


def judge(outcomes: Iterable[Outcome], rule: Rule, short: ShortTexts = NO_CORPUS) -> SelfTest:
    """Count what became of the plants.

    Raises ValueError where a kind is not one of plants.KINDS.
    """
    rows = list(outcomes)
    for row in rows:
        if row.kind not in KINDS:
            raise ValueError(f"kind of plant is {row.kind!r}, expected one of {', '.join(KINDS)}")
    kinds = [(kind, [row for row in rows if row.kind == kind]) for kind in KINDS]
    unchanged = [row for row in rows if row.kind in SAME_WORDS]
    long_enough = [row for row in unchanged if row.num_words >= row.ngram_size]
    return SelfTest(
        kinds=tuple(tally(kind, own, KINDS[kind]) for kind, own in kinds if own),
        lengths=tuple(_by_length(unchanged, rule.max_ngram_size)),
        total=tally("all", rows, "all plants"),
        num_clean_characters=sum(row.num_clean_characters for row in rows),
        num_clean_hits=sum(row.num_clean_hits for row in rows),
        num_unchanged=len(long_enough),
        num_unchanged_due=sum(row.num_due > 0 for row in long_enough),
        num_missed=sum(row.num_missed for row in rows),
        short=short,
        examples=tuple(filter(None, map(_example, rows)))[:NUM_EXAMPLES],
    )


def tally(kind: str, outcomes: Sequence[Outcome], meaning: str) -> Tally:
    """Count the plants of one kind."""
    due = [row for row in outcomes if row.num_due]
    num_found = sum(row.num_found > 0 for row in due)

    def total(value: Callable[[Outcome], int]) -> int:
        return sum(map(value, outcomes))

    return Tally(
        kind=kind,
        meaning=meaning,
        num_planted=len(outcomes),
        num_due=len(due),
        num_found=num_found,
        recall=num_found / len(due) if due else None,
        interval=wilson_interval(num_found, len(due)),
        num_exempt=total(lambda row: row.is_exempt),
        num_ngrams_due=total(lambda row: row.num_due),
        num_ngrams_found=total(lambda row: row.num_found),
        num_named=total(lambda row: row.is_named),
        num_cut=total(lambda row: row.is_cut),
        num_false=total(lambda row: row.num_false),
        num_characters=total(lambda row: row.num_characters),
        num_cut_characters=total(lambda row: row.num_cut_characters),
    )


def _by_length(outcomes: Sequence[Outcome], size: int) -> Iterable[Tally]:
    """Below N as GPT-3 has it at most, where a smaller N finds a text if at all; and from it on."""
    short = [row for row in outcomes if row.num_words < size]
    long = [row for row in outcomes if row.num_words >= size]
    meaning = "of those with their words as they were, {} than the greatest N"
    if short:
        shortest = min(row.num_words for row in short)
        yield tally(f"{shortest} to {size - 1} words", short, meaning.format("shorter"))
    if long:
        yield tally(f"{size} words and more", long, meaning.format("not shorter"))


def _example(row: Outcome) -> str | None:
    """What is wrong of a plant, if anything."""
    wrong = (
        (row.num_due and not row.num_found, "not found"),
        (row.num_missed, f"{row.num_missed:,} N-grams not reported"),
        (row.num_false, f"{row.num_false:,} N-grams that are not there"),
        (row.num_clean_hits, f"{row.num_clean_hits:,} hits in clean text"),
        (not row.is_named, "named or merged wrongly"),
        (not row.is_cut, "cut wrongly"),
        (
            row.kind in SAME_WORDS and row.num_words >= row.ngram_size and not row.num_due,
            "all words kept, and no N-gram",
        ),
    )
    said = ", ".join(what for is_so, what in wrong if is_so)
    return f"{row.kind} {row.benchmark}:{row.item_id}: {said}" if said else None


_HEAD = (
    "kind", "planted", "due", "found", "recall", "95 % interval", "too frequent", "N-grams due",
    "reported", "named", "cut", "characters cut", "false",
)  # fmt: skip


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    recall = "-" if row["recall"] is None else f"{row['recall']:.4f}"
    interval = "{:.4f}..{:.4f}".format(*row["interval"]) if row["num_due"] else "-"
    share = row["num_cut_characters"] / max(row["num_characters"], 1)
    names = ("num_exempt", "num_ngrams_due", "num_ngrams_found", "num_named", "num_cut")
    return (
        row["kind"],
        *(f"{row[name]:,}" for name in ("num_planted", "num_due", "num_found")),
        recall,
        interval,
        *(f"{row[name]:,}" for name in names),
        f"{share:.2%}",
        f"{row['num_false']:,}",
    )
