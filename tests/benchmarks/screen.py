"""Measuring and judging texts, against datatrove's Gopher filters.

Both take the same texts in memory: datatrove Documents of Python strings, ours an Arrow column, as
each reads them from its files. The peer runs Gopher quality and repetition with its defaults (words
by spaCy's English tokenizer), each of which stops at a text's first fault; ours measures and judges
the same rules, and in the second row those of C4, FineWeb and RefinedWeb besides. The verdicts are
compared rule by rule first, and every difference must have a cause (verdicts.py).
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from corpus.words import split_words
from filters.heuristics import gopher_quality, gopher_repetition
from filters.heuristics.lines import read_lines
from filters.screen import ScreenSettings, judge, measure
from filters.verdict import first_fault
from tests.benchmarks.frame import Peer, Row, in_turn, require, sample_texts
from tests.benchmarks.verdicts import compare


def rows(data: Path) -> list[Row]:
    sample = sample_texts(data, num_bytes=2_000_000)
    texts = pa.array(sample.texts, pa.large_string())
    settings = ScreenSettings()
    unexplained = [rule.rule for rule in compare(sample.texts) if rule.unexplained]
    require(not unexplained, f"verdicts differ from datatrove's without a cause: {unexplained}")

    def gopher() -> int:
        lines, words = read_lines(texts), split_words(texts)
        signals = {
            **gopher_quality.measure(lines, words, settings.gopher_quality),
            **gopher_repetition.measure(lines, words, settings.gopher_repetition),
        }
        faults = [
            *gopher_quality.judge(signals, settings.gopher_quality),
            *gopher_repetition.judge(signals, settings.gopher_repetition),
        ]
        return num_kept(first_fault(len(texts), faults))

    def all_sets() -> int:
        return num_kept(first_fault(len(texts), judge(measure(texts, settings), settings)))

    with Peer("datatrove_gopher.py", sample.path) as peer:
        alike = in_turn(sample.megabytes, gopher, peer)
        whole = in_turn(sample.megabytes, all_sets, peer)
    return [
        alike.row("screen", "Gopher / datatrove's Gopher", unit="MB/s", target=100.0),
        whole.row("screen", "all rule sets / datatrove's Gopher", unit="MB/s", target=100.0),
    ]


def num_kept(reasons: list[str | None]) -> int:
    """Texts that no rule drops."""
    return sum(reason is None for reason in reasons)
