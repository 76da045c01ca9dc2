"""Our verdicts against datatrove's, rule by rule and text by text, with each difference's cause.

python -m tests.benchmarks.verdicts --data DATA [--every N]

peers/datatrove_verdicts.py runs datatrove's own code, and runs it again with our readings put into
it one after the other. A difference is explained where that brings our answer; the table has the
differences by the reading that did. filters/heuristics/DATATROVE.md tells what the readings are.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpus.words import normalise, split_words
from filters.heuristics import c4, fineweb, gopher_quality, gopher_repetition
from filters.heuristics.c4 import C4Settings
from filters.heuristics.fineweb import FineWebSettings
from filters.heuristics.gopher_quality import GopherQualitySettings
from filters.heuristics.gopher_repetition import GopherRepetitionSettings
from filters.heuristics.lines import read_lines
from filters.verdict import BoolArray
from tests.benchmarks.frame import BUILD, Peer

AS_DATATROVE = " as datatrove"
"""Added to a rule's name: with the settings that are to give datatrove's reading."""
SETTLED = (
    "too_many_bullets", "too_many_cut_lines", "too_few_end_marks", "too_many_short_lines",
    "too_many_duplicate_characters", "c4",
)  # fmt: skip
"""Rules that have such settings; but for C4's sentences no difference is left to explain."""
LINE_BREAK = re.compile(r"[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A rule's answers on all texts."""

    rule: str
    ours: int
    """Texts that we drop."""
    theirs: int
    errors: int
    """Texts on which datatrove's code raises an error."""
    causes: Counter[str]
    """Texts that are judged otherwise, by the reading that makes the difference."""
    unexplained: int
    """Texts that datatrove's code judges otherwise than we even with all our readings in it."""


def compare(texts: list[str]) -> list[Comparison]:
    """Judge the texts on both sides."""
    path = BUILD / "bench" / f"verdicts-{len(texts)}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": t, "words": normalise(t)}) + "\n" for t in texts)
    with Peer("datatrove_verdicts.py", path) as peer:
        theirs = peer().result
    ours: dict[str, list[bool] | list[str]] = {
        **{rule: drops.tolist() for rule, drops in _our_drops(texts).items()},
        "c4_left" + AS_DATATROVE: _our_left(texts),
    }
    return [
        _compare(rule, found, theirs[rule.removesuffix(AS_DATATROVE)])
        for rule, found in ours.items()
    ]


def _our_drops(texts: list[str]) -> dict[str, BoolArray]:
    """The texts that each rule drops, with our settings and with those that are datatrove's."""
    column = pa.array(texts, pa.large_string())
    lines, words = read_lines(column), split_words(column)
    nothing_gone = np.zeros(len(lines.starts), np.bool_)

    def quality(settings: GopherQualitySettings) -> dict[str, BoolArray]:
        signals = gopher_quality.measure(lines, words, settings)
        drops = dict(gopher_quality.judge(signals, settings))
        symbols = drops.pop("too_many_hashes") | drops.pop("too_many_ellipses")
        return {**drops, "too_many_symbols": symbols}  # one setting of datatrove's

    def repetition(settings: GopherRepetitionSettings) -> dict[str, BoolArray]:
        signals = gopher_repetition.measure(lines, words, settings)
        return dict(gopher_repetition.judge(signals, settings))

    def line_rules(settings: FineWebSettings) -> dict[str, BoolArray]:
        return dict(fineweb.judge(fineweb.measure(lines, nothing_gone, settings), settings))

    def page(settings: C4Settings) -> dict[str, BoolArray]:
        found = c4.judge(c4.measure(lines, words, settings), settings)
        return {"c4": np.any([drops for _, drops in found], axis=0)}

    exact = {
        **quality(GopherQualitySettings(blank_lines=True, bullets="•-")),
        **line_rules(FineWebSettings(strip_lines=False)),
        **page(C4Settings(end_marks=".!?\"'", filler_in="kept_lines", curly_bracket=True)),
    }
    return {
        **quality(GopherQualitySettings()),
        **repetition(GopherRepetitionSettings()),
        **line_rules(FineWebSettings()),
        **{rule + AS_DATATROVE: exact[rule] for rule in SETTLED},
    }


def _our_left(texts: list[str]) -> list[str]:
    """Hash of what C4's line rules leave of each text, its lines stripped as C4 does.

    Other line breaks than line feeds are blanks in it, as in the peer's reading of that name.
    """
    lines = read_lines(pa.array(texts, pa.large_string()))
    page = C4Settings(end_marks=".!?\"'", remove_lines=True, remove_citations=True)
    spans = c4.removed(lines, page)
    hashes = []
    for d, text in enumerate(texts):
        mine = slice(spans.offsets[d], spans.offsets[d + 1])
        data, at, kept = text.encode(), 0, b""
        for start, end in zip(spans.starts[mine], spans.ends[mine], strict=True):
            kept += data[at:start]
            at = end
        left = LINE_BREAK.sub(" ", (kept + data[at:]).decode())
        left = "\n".join(line.strip() for line in left.split("\n"))
        hashes.append(blake2b(left.strip().encode(), digest_size=8).hexdigest())
    return hashes


def _compare(
    rule: str, ours: list[bool] | list[str], readings: dict[str, list[bool | str | None]]
) -> Comparison:
    if rule.endswith(AS_DATATROVE) and not rule.startswith("c4"):
        readings = {"datatrove": readings["datatrove"]}
    theirs, with_ours = readings["datatrove"], list(readings.values())[-1]
    causes: Counter[str] = Counter()
    for text, found in enumerate(ours):
        if theirs[text] != found:
            labels = (label for label, answers in readings.items() if answers[text] == found)
            causes[next(labels, "?")] += 1
    return Comparison(
        rule=rule, ours=ours.count(True), theirs=theirs.count(True), errors=theirs.count(None),
        causes=causes,
        unexplained=sum(a != b for a, b in zip(with_ours, ours, strict=True)),
    )  # fmt: skip


def real_texts(data: Path) -> Iterator[str]:
    """All texts of the folder."""
    for path in sorted((data / "text").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)["text"]


def show(found: list[Comparison]) -> None:
    """Print the rules as a table of Markdown."""
    print("| rule | ours | datatrove | errors | differences by cause | unexplained |")
    print("| --- | --: | --: | --: | --- | --: |")
    for rule in found:
        causes = ", ".join(f"{cause} {count:,}" for cause, count in rule.causes.most_common())
        cells = (
            f"{rule.ours:,} | {rule.theirs:,} | {rule.errors:,} | {causes} | {rule.unexplained:,}"
        )
        print(f"| {rule.rule} | {cells} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.verdicts")
    parser.add_argument("--data", type=Path, required=True, help="folder of real data")
    parser.add_argument("--every", type=int, default=1, help="take one text of so many")
    arguments = parser.parse_args()
    show(compare(list(real_texts(arguments.data))[:: arguments.every]))


if __name__ == "__main__":
    main()
