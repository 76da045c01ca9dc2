"""Facts of a made-up run whose documents mean harm."""

from __future__ import annotations

import pytest

from jobs.reporting.facts import (
    BenchmarkFacts,
    Cluster,
    Facts,
    Hit,
    Member,
    SourceFacts,
    StageFacts,
)

DOCUMENT_STAGES = ("extract", "screen", "quality", "dedup", "contamination", "mix")


def evil(port: int) -> str:
    """Markup that runs or fetches if it is taken for markup."""
    there = f"http://127.0.0.1:{port}/evil"
    return (
        f"<script>document.title='owned';fetch('{there}')</script>"
        f"<img src='{there}' onerror=\"document.title='owned'\">"
        "<svg onload=\"document.title='owned'\">"
        f"<style>@import '{there}';body{{background:url({there})}}</style>\"'>&amp;</title></pre>"
        f"<a href=\"javascript:document.title='owned'\">x</a><iframe src='{there}'></iframe>"
    )


def facts_of(text: str) -> Facts:
    """Facts in which everything that a document, item or recipe can say is this text."""
    member = Member(title=text[:110], url=text, jaccard=0.93)
    facts = Facts(name=text, description=text, seed=1)
    taken = (12, 10, 9, 7, 6, 6)
    kept = (10, 9, 7, 6, 6, 5)
    facts.stages = [
        StageFacts(name="links", taken=9, kept=5, dropped={"low_karma": 4}),
        *(
            StageFacts(name=name, taken=a, kept=b, dropped={text[:40]: a - b})
            for name, a, b in zip(DOCUMENT_STAGES, taken, kept, strict=True)
        ),
    ]
    facts.link_outcomes, facts.link_failures = {"captured": 4, "failed": 1}, {"http_status": 1}
    facts.sources = [SourceFacts(name=text, kept=dict.fromkeys(DOCUMENT_STAGES, 3), tokens=40)]
    facts.score_edges, facts.scores = [0.0, 0.5, 1.0], {text: [3, 1]}
    facts.length_edges, facts.lengths = [10.0, 100.0, 1000.0], {text: [2, 2]}
    facts.languages = [(text, 4)]
    facts.num_clusters, facts.cluster_sizes = 1, [(3, 1)]
    facts.clusters = [Cluster(size=3, kept=member, others=[member])]
    facts.num_candidates, facts.num_verified, facts.jaccards = 4, 2, [0] * 19 + [4]
    facts.benchmarks = [
        BenchmarkFacts(name=text, num_items=5, num_dirty=1, ngram_size=13, overlap={text: 0.25})
    ]
    facts.hits = [
        Hit(benchmark=text, item_id=text, ngram=text, url=text, document_frequency=1, exempt=True)
    ]
    facts.mixture = [
        {"source": text, "weight": 1.0, "epochs": 2.0, "num_documents": 5, "drawn_bytes": 900}
    ]
    facts.tokens, facts.num_shards = {"train": 200, "validation": 30}, {"train": 1}
    facts.tokenizer = {"vocab_size": 300, "dtype": "uint16", "bytes_per_token": 3.5}
    facts.training = [
        {"step": 0, "validation_loss": 6.0},
        {"step": 1, "loss": 5.9},
        {"step": 2, "loss": 5.0, "validation_loss": 5.2},
    ]
    facts.sample = text
    return facts


@pytest.fixture
def facts() -> Facts:
    return facts_of("plain words")
