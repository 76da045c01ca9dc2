"""Scanning texts for a million 13-grams: rbloom, a Python set, lm-eval's janitor, datatrove.

The index is 13-grams of novels, built beforehand on each side; the texts are pages and news, into
every 200th of which a passage of a novel is put. Each scan looks every 13-gram of every text up.
The set is exact and must name the documents that ours names; the Bloom filter may name more (0.1 %
a 13-gram) but none less. janitor and datatrove have words of their own, and must name those with a
passage; datatrove drops a document at its first find, the others go on. Ours confirms each find by
its words and says where it stands, as only janitor does besides.
"""

from __future__ import annotations

import subprocess
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from corpus.words import normalise
from filters.contamination.index import NgramIndex, build_index, find
from tests.benchmarks.frame import (
    Peer,
    Row,
    in_turn,
    peer_input,
    peers_python,
    require,
    sample_texts,
    texts_of_source,
)

NGRAM_SIZE = 13  # GPT-3 appendix C
NUM_NGRAMS = 1_000_000
MARK = 250.0  # MB/s on one core, confirmation included
# Installed without the packages it asks for, which are those of its models: janitor has none.
LM_EVAL = "lm_eval==0.4.13"
SOURCES = ("web_gold", "bbc", "reuters21578")
PASSAGE_WORDS = 40
BATCH = 2_000  # documents, 4 MB


class Contender(NamedTuple):
    """A peer's scan."""

    name: str
    script: str
    megabytes: int
    target: float


CONTENDERS = (
    Contender("rbloom", "ngrams_found.py", 20, 10.0),
    Contender("set", "ngrams_found.py", 20, 15.0),
    Contender("janitor", "ngrams_janitor.py", 5, 50.0),
    Contender("datatrove", "ngrams_datatrove.py", 5, 150.0),
)


def rows(data: Path) -> list[Row]:
    known = novels(data)
    index = build_index(known, [NGRAM_SIZE] * len(known))
    known_path = peer_input("novels", known)
    compared = []
    for one in CONTENDERS:
        texts, planted = with_passages(data, known, one.megabytes)
        path = peer_input(f"scanned-{one.megabytes}", texts)
        megabytes = sum(len(text.encode()) for text in texts) / 1e6
        column = pa.array(texts, pa.large_string())  # as a part of a dataset is read
        python = python_with_lm_eval() if one.name == "janitor" else None
        with Peer(one.script, one.name, path, known_path, python=python) as peer:
            found = in_turn(megabytes, partial(scan, column, index), peer)
        check(one.name, set(found.our_result), set(found.peer_result), planted)
        name = f"1M 13-grams / {one.name}"
        compared.append(found.row("contamination", name, unit="MB/s", target=one.target))
        if one.name == "rbloom":
            compared.append(
                Row(group="contamination", name="1M 13-grams / 250 MB/s a core", unit="MB/s",
                    ours=found.ours, peer=MARK, target=1.0)
            )  # fmt: skip
    return compared


def scan(texts: pa.Array, index: NgramIndex) -> list[int]:
    """Documents with an N-gram of the index; in turns, as the stage takes them."""
    found: set[int] = set()
    for first in range(0, len(texts), BATCH):
        hits = find(texts.slice(first, BATCH), index)
        found |= {first + row for row in hits.document.tolist()}
    return sorted(found)


def novels(data: Path) -> list[str]:
    """Novels of a little more than a million words."""
    known: list[str] = []
    num_words = 0
    for text in texts_of_source(data, "novels"):
        known.append(text)
        num_words += len(normalise(text).split())
        if num_words > NUM_NGRAMS * 1.03:
            break
    return known


def with_passages(data: Path, known: list[str], megabytes: int) -> tuple[list[str], set[int]]:
    """Texts, and which of them have a passage."""
    texts = sample_texts(data, num_bytes=megabytes * 1_000_000, sources=SOURCES).texts
    passages = (" ".join(text.split()[200 : 200 + PASSAGE_WORDS]) for text in known)
    long = (row for row in range(0, len(texts), 200) if len(texts[row]) > 500)
    planted = dict(zip(islice(long, len(known)), passages, strict=False))
    for row, passage in planted.items():
        texts[row] = f"{texts[row]} {passage} {texts[row]}"
    return texts, set(planted)


def check(name: str, mine: set[int], theirs: set[int], planted: set[int]) -> None:
    """Stop where a side did not find what there is."""
    require(planted <= mine, f"ours missed {sorted(planted - mine)[:5]} of the planted passages")
    if name == "set":
        require(mine == theirs, f"documents {sorted(mine ^ theirs)[:10]} found by one side only")
    else:
        require(planted <= theirs, f"{name} missed {sorted(planted - theirs)[:5]}")
    if name == "rbloom":
        require(mine <= theirs, f"rbloom missed {sorted(mine - theirs)[:5]}")


def python_with_lm_eval() -> Path:
    """Python of the peers' environment, with lm-evaluation-harness in it."""
    python = peers_python()
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", LM_EVAL], check=True
    )
    return python
