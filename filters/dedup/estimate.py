"""What dedup will cost, from some parts of the corpus: rows, bytes shuffled, edges, time, memory.

A pair is in a sample of m of P parts with a chance that depends on where its documents lie: m / P
where both are in one part, m (m - 1) / (P (P - 1)) where they are in two. So the two are counted
and scaled apart, which is unbiased for parts drawn at random. Pairs come in groups that are
connected, so an interval is that of a compound Poisson count: its variance is the sum of the
groups' squares. What a document costs by itself scales with documents or bytes.

Limits: in a sample a bucket is smaller than it will be, so that buckets above `max_bucket` still
count as squares here: pairs are estimated from above. Time per record through Spark is a constant
of the benchmark (SCALE.md), that of signing and proving is measured on the sample, on this machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from filters.dedup.records import BAND, EDGE, LOAN, NODE, PAIR, SKETCH, TEXT

# Core-seconds a record from the table to the other side of a shuffle, sorted: 20 million band keys
# in 7.4 s on two cores (tests/benchmarks/growth.py).
SECONDS_PER_RECORD = 0.74e-6
# Core-seconds that Spark and Python add for each part, over all tasks of the stage, and for each
# two of them, over all blocks that pass between: 200,000 documents in 2, 100 and 300 parts take
# 11.6, 120.2 and 349.4 s on two cores (SCALE.md).
SECONDS_PER_PART = 2.2
SECONDS_PER_TWO_PARTS = 0.27e-3
PARALLEL = 0.8  # share of the cores that are at work in the mean


class Counted(NamedTuple):
    """Pairs that come in groups."""

    number: int
    squares: int
    """Sum of the squares of the pairs of each group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was counted and measured on some parts."""

    num_parts: int
    """Parts looked at."""
    num_documents: int
    num_with_words: int
    num_copies: int
    """Exact copies of another document of the sample."""
    text_bytes: int
    within: Counted
    """Candidate pairs of documents of one part."""
    across: Counted
    """Candidate pairs of documents of two parts."""
    verified_within: Counted
    verified_across: Counted
    shared_bands: int
    """Bands that the candidate pairs share, summed."""
    num_asked: int
    """Documents whose sketches parts must see of each other, once for each part."""
    lent_shingles: int
    """Shingles of those that are left, once for each part."""
    sign_seconds: float
    """Of one core, reading included."""
    prove_seconds: float
    """Of one core, for all that sketches leave of the sample's candidate pairs."""
    compressed: float
    """Bytes of band records after lz4, which Spark packs shuffles with, over those before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the whole corpus will take."""

    num_documents: int
    text_bytes: int
    band_records: int
    candidate_pairs: float
    candidate_pairs_interval: tuple[float, float]
    edges: float
    """Proved pairs."""
    edges_interval: tuple[float, float]
    record_bytes: float
    """All records that pass between tasks."""
    shuffled_bytes: float
    """What Spark writes of them."""
    loan_bytes: float
    """Shingle sets that parts read of each other's, on the root's storage."""
    signature_bytes: float
    """The index that stays."""
    core_hours: float
    hours: float
    """On so many cores."""
    num_cores: int
    task_bytes: float
    """Memory of the largest task."""
    largest_task: str
    """Which one that is."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def scale(
    sample: Sample,
    *,
    num_parts: int,
    num_documents: int,
    text_bytes: int,
    largest_part_bytes: int,
    num_bands: int,
    num_cores: int,
    max_edges: int,
    num_ranges: Callable[[int], int],
) -> Estimate:
    """From the sample to the whole corpus; num_parts, num_documents and bytes are the corpus'.

    num_ranges: tasks among which so many band keys are shared out.
    """
    within = num_parts / sample.num_parts
    pairs_of_parts = sample.num_parts * (sample.num_parts - 1)
    across = num_parts * (num_parts - 1) / pairs_of_parts if pairs_of_parts else 0.0
    pairs, edges = (
        one.number * within + other.number * across
        for one, other in (
            (sample.within, sample.across), (sample.verified_within, sample.verified_across),
        )
    )  # fmt: skip
    grown = num_documents / max(sample.num_documents, 1)
    num_copies = sample.num_copies * grown
    signed = round((sample.num_with_words - sample.num_copies) * grown)
    keys = signed * num_bands
    sampled_pairs = max(sample.within.number + sample.across.number, 1)
    hops = pairs * sample.shared_bands / sampled_pairs
    asked = sample.num_asked * across
    counts = {
        TEXT: sample.num_with_words * grown, BAND: keys, PAIR: hops,
        SKETCH: asked, LOAN: 2 * asked, NODE: 2 * (edges + num_copies), EDGE: edges + num_copies,
    }  # fmt: skip
    record_bytes = sum(kind.itemsize * count for kind, count in counts.items())
    loans = 8 * sample.lent_shingles * across
    seconds = (
        sample.sign_seconds * text_bytes / max(sample.text_bytes, 1)
        + sample.prove_seconds * pairs / sampled_pairs  # what sketches leave is a share of them
        + SECONDS_PER_RECORD * sum(counts.values())
        + SECONDS_PER_PART * num_parts
        + SECONDS_PER_TWO_PARTS * num_parts**2
    )
    tasks = {
        "signing a part": 3.0 * largest_part_bytes,
        "a range of band keys": 96.0 * max(1e6, keys / num_ranges(keys)),
        "comparing a part's pairs": (loans / num_parts + 2.0 * largest_part_bytes),
        "deciding on clusters": 130.0 * min(edges + num_copies, max_edges),
    }
    largest = max(tasks, key=lambda name: tasks[name])
    return Estimate(
        num_documents=num_documents,
        text_bytes=text_bytes,
        band_records=keys,
        candidate_pairs=pairs,
        candidate_pairs_interval=_interval((sample.within, within), (sample.across, across)),
        edges=edges,
        edges_interval=_interval(
            (sample.verified_within, within), (sample.verified_across, across)
        ),
        record_bytes=record_bytes,
        shuffled_bytes=record_bytes * sample.compressed,
        loan_bytes=loans,
        signature_bytes=num_documents * (8.0 * num_bands + 104),
        core_hours=seconds / 3600,
        hours=seconds / 3600 / (num_cores * PARALLEL),
        num_cores=num_cores,
        task_bytes=tasks[largest],
        largest_task=largest,
    )


def _interval(*counted: tuple[Counted, float]) -> tuple[float, float]:
    """95 % interval of a sum of scaled counts; of a count of 0 the rule of three is the end."""
    total = sum(count.number * factor for count, factor in counted)
    variance = sum(count.squares * factor**2 for count, factor in counted)
    none = sum(3.0 * factor for count, factor in counted if not count.number)
    spread = 1.96 * math.sqrt(variance)
    return max(total - spread, 0.0), total + spread + none
