"""The whole decision, from texts to the rows that go, against the peers' and against the truth.

All take the same 15,000 texts (near_duplicates.py) with the same thresholds: word 5-grams, 0.8. The
clock runs from the texts in memory, ours in an Arrow column and the peers' in a list, to the rows
that are removed; splitting words is part of it, since a peer's user has to do it. text-dedup and
datatrove work from file to file, so theirs are in their time. Their passes take so long that each
does one, without one before it; the others' figures are medians as everywhere.

Speed is not all: `quality_table` says how many of the exact near pairs each has found, and what it
has removed that is near nothing. No peer proves its pairs, so each does both kinds of harm; ours
has to find nearly all and remove nothing else, or the comparison stops.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from filters.dedup import DedupSettings
from filters.dedup.decide import decide
from tests.benchmarks.frame import (
    BUILD,
    Pass,
    Peer,
    Rates,
    Row,
    in_turn,
    peer_input,
    peers_python,
    require,
    timed,
)
from tests.benchmarks.near_duplicates import (
    NGRAM_SIZE,
    THRESHOLD,
    Pairs,
    dedup_set,
    exact_pairs,
    score,
)

# Installed without the packages it asks for: most of them serve its other commands, and some are in
# the other peers' way. What its MinHash needs is in requirements.txt.
TEXT_DEDUP = "text-dedup==0.4.0"
MIN_RECALL = 0.998
OURS = "Winnow"


class Contender(NamedTuple):
    """A peer's whole decision."""

    name: str
    script: str
    target: float
    turns: Callable[[float, Callable[[], Any], Callable[[], Pass]], Rates] = in_turn


def once(amount: float, ours: Callable[[], Any], peer: Callable[[], Pass]) -> Rates:
    """Time one pass of each, for a peer that takes minutes. Ours has to be compiled before."""
    mine, theirs = timed(ours)(), peer()
    return Rates(amount / mine.seconds, amount / theirs.seconds, mine.result, theirs.result)


CONTENDERS = (
    Contender("gaoya", "dedup_gaoya.py", 4.0),
    Contender("rensa", "dedup_rensa.py", 6.0),
    Contender("datasketch", "dedup_datasketch.py", 15.0),
    Contender("text-dedup", "dedup_textdedup.py", 40.0, once),
    Contender("datatrove", "dedup_datatrove.py", 60.0, once),
)


def rows(data: Path) -> list[Row]:
    texts = dedup_set(data)
    column = pa.array(texts, pa.large_string())
    path = peer_input("near_duplicates", texts)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    settings = DedupSettings(ngram_size=NGRAM_SIZE, threshold=THRESHOLD)

    def ours() -> list[int]:
        kept = decide(column, settings, seed=1)
        return np.flatnonzero(kept != np.arange(len(kept))).tolist()

    removed = {OURS: ours()}
    pairs = exact_pairs(texts)
    require_quality(removed[OURS], pairs)
    compared = []
    for contender in CONTENDERS:
        with Peer(contender.script, path, python=python_with_text_dedup()) as peer:
            found = contender.turns(megabytes, ours, peer)
        require(found.our_result == removed[OURS], "ours has removed other rows than before")
        removed[contender.name] = found.peer_result
        name = f"whole decision / {contender.name}"
        compared.append(found.row("dedup", name, unit="MB/s", target=contender.target))
    quality_table(removed, pairs)
    return compared


def require_quality(removed: Collection[int], pairs: Pairs) -> None:
    """Stop where our decision misses near pairs, or removes what is near nothing."""
    found = score(removed, pairs)
    require(
        found.recall >= MIN_RECALL and not found.false_removals,
        f"recall {found.recall:.4f}, expected {MIN_RECALL}; {found.false_removals} false removals",
    )


def quality_table(removed: Mapping[str, Collection[int]], pairs: Pairs) -> None:
    """Print what each has found and what it has removed for no reason; build/bench has it too."""
    scores = {name: score(gone, pairs) for name, gone in removed.items()}
    path = BUILD / "bench" / "dedup_quality.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {name: found._asdict() for name, found in scores.items()}
    path.write_text(json.dumps({"pairs": len(pairs.left), **values}, indent=1) + "\n", "utf-8")
    print(f"{len(pairs.left):,} pairs of {THRESHOLD} and more")
    for name, found in scores.items():
        print(
            f"{name:<12}{found.removed:>6,} removed, recall {found.recall:.4f}, "
            f"{found.false_removals:,} false removals"
        )


def python_with_text_dedup() -> Path:
    """Python of the peers' environment, with text-dedup in it."""
    python = peers_python()
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, TEXT_DEDUP], check=True)
    return python
