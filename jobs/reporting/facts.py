"""What the report says, as plain values: gather.py reads them, page.py writes them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

JUDGES = ("screen", "quality", "dedup", "contamination", "mix")
DOCUMENT_STAGES = ("extract", *JUDGES)

SIMILARITY_BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """One stage's ledger."""

    name: str
    taken: int
    kept: int
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """How many documents of a source each stage left, and the tokens they became."""

    name: str
    kept: dict[str, int]
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A document of a cluster, with its similarity to the copy that was kept, where measured."""

    title: str
    url: str
    jaccard: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Near-duplicates: the kept copy, and others of them."""

    size: int
    kept: Member
    others: list[Member]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place where benchmark text was found."""

    benchmark: str
    item_id: str
    ngram: str
    url: str
    document_frequency: int
    exempt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkFacts:
    """One benchmark: fields that hold an N-gram of the corpus, and 8-grams found by source."""

    name: str
    num_items: int
    num_dirty: int
    ngram_size: int
    overlap: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierFacts:
    """The quality classifier: its card, and what its rule made of the run."""

    card: dict[str, Any]
    """card.json, as training wrote it."""
    rule: dict[str, Any]
    """rule.json: the keep rule with its numbers."""
    rates: list[dict[str, Any]] = field(default_factory=list)
    """Share kept by score bin, as filters/quality/card/rates.py has it."""
    scores: dict[str, list[int]] = field(default_factory=dict)
    """Documents of each source by score, in 20 bins over 0..1."""
    law: list[tuple[float, float]] = field(default_factory=list)
    """The rule's P(keep) along the scores."""
    domains: list[dict[str, Any]] = field(default_factory=list)
    """Share kept of the domains with the most judged documents."""
    against: str = ""
    """Root of the run that scores are compared with; empty: none."""
    drift: dict[str, Any] = field(default_factory=dict)
    """As jobs/quality_drift.py has it; empty where there is nothing to compare with."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class DuplicateFacts:
    """What dedup found, and what became of the copies that were planted."""

    bands: str = ""
    """What is compared and how it is proposed, in words."""
    curve: list[tuple[float, float]] = field(default_factory=list)
    """Chance to be proposed by similarity."""
    self_test: dict[str, Any] = field(default_factory=dict)
    """As filters/dedup/selftest.py has it; empty where nothing was planted."""
    num_candidates: int = 0
    num_compared: int = 0
    """Candidates that sketches did not rule out."""
    num_verified: int = 0
    num_anchored: int = 0
    jaccards: list[int] = field(default_factory=lambda: [0] * SIMILARITY_BINS)
    """Compared pairs by similarity, bins of one width over 0..1."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Documents removed, by reason."""
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """(members, clusters of that size)."""
    largest: list[Cluster] = field(default_factory=list)
    drawn: list[Cluster] = field(default_factory=list)
    """Clusters by a keyed hash, but the largest."""


@dataclass(slots=True, kw_only=True)
class Facts:
    """Everything on the page."""

    name: str
    description: str
    seed: int
    link_outcomes: dict[str, int] = field(default_factory=dict)
    link_failures: dict[str, int] = field(default_factory=dict)
    stages: list[StageFacts] = field(default_factory=list)
    sources: list[SourceFacts] = field(default_factory=list)
    score_edges: list[float] = field(default_factory=list)
    scores: dict[str, list[int]] = field(default_factory=dict)
    """Histogram of the classifier's score by source."""
    classifier: ClassifierFacts | None = None
    length_edges: list[float] = field(default_factory=list)
    lengths: dict[str, list[int]] = field(default_factory=dict)
    """Histogram of characters: all texts, and those in the mixture."""
    languages: list[tuple[str, int]] = field(default_factory=list)
    duplicates: DuplicateFacts = field(default_factory=DuplicateFacts)
    benchmarks: list[BenchmarkFacts] = field(default_factory=list)
    num_cut: int = 0
    """Documents that lost a piece to a benchmark."""
    hits: list[Hit] = field(default_factory=list)
    mixture: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    """Tokens by split."""
    num_shards: dict[str, int] = field(default_factory=dict)
    tokenizer: dict[str, Any] = field(default_factory=dict)
    training: list[dict[str, Any]] = field(default_factory=list)
    """Rows of train.jsonl."""
    sample: str = ""
    ablation: dict[str, Any] | None = None
    """ablation.json, where `winnow ablate` has compared this root with others."""
