"""Facts of a made-up run whose documents mean harm."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.reporting.contamination_facts import (
    EXEMPT,
    FOUND,
    PLAIN,
    BenchmarkCounts,
    ContaminationFacts,
    ItemCounts,
    ItemTexts,
    Ngram,
    Passage,
    Piece,
)
from jobs.reporting.facts import (
    BenchmarkFacts,
    ClassifierFacts,
    Cluster,
    DuplicateFacts,
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


def made_card(text: str) -> dict[str, Any]:
    """A classifier's card in which every word of a document is this text."""
    ends = [0.7, 0.9]
    shares = [[0.0, 0.4], [9.0, 0.1]]
    held_out = {
        "num_positives": 40, "num_negatives": 60, "num_units": 30, "auc": 0.8421,
        "average_precision": 0.8, "log_loss": 0.5, "brier": 0.2,
        "intervals": {"auc": ends, "average_precision": ends, "log_loss": ends, "brier": None},
        "histogram_edges": [0.0, 0.5, 1.0], "histogram_positives": [10, 30],
        "histogram_negatives": [45, 15], "calibration_error": 0.031,
        "calibration": [
            {"low": 0.2, "num": 50, "mean_score": 0.25, "positive_share": 0.3, "interval": ends},
            {"low": 0.8, "num": 50, "mean_score": 0.85, "positive_share": 0.8, "interval": None},
        ],
        "alpha": {"alpha": 4.25, "interval": [3.0, 6.0], "at_bound": None, "distance": 0.0123,
                  "kolmogorov_smirnov": 0.05, "curve": shares},
        "divided_domains": [text],
    }  # fmt: skip
    word = {"words": [text, "other"], "weight": 1.25, "part": 0.1}
    counts = {"num_train": 160, "num_held_out": 40, "num_domains": 9, "by_source": {text: 200}}
    return {
        "trained": True, "kind": "logistic", "positives": counts, "negatives": counts,
        "left_out": {"near_duplicate_of_negative": 7, "benchmark_text": 3, "positives": 10,
                     "held_out_twins": 2},
        "regularisation": 10.0,
        "sweep": [{"regularisation": 1.0, "log_loss": 0.6, "auc": 0.8, "folds": [0.6]},
                  {"regularisation": 10.0, "log_loss": 0.5, "auc": 0.81, "folds": [0.5]}],
        "words": {"positive": [word], "negative": [word | {"weight": -1.5}]},
        "held_out": held_out,
    }  # fmt: skip


def made_classifier(text: str) -> ClassifierFacts:
    """Facts of a classifier that kept what its law says."""
    rate = {"num": 100, "num_kept": 20, "rate": 0.2, "interval": [0.13, 0.29]}
    drift = {"num_before": 5, "num_after": 6, "mean_before": 0.4, "mean_after": 0.5, "psi": 0.113,
             "kolmogorov_smirnov": 0.2, "source": text}  # fmt: skip
    return ClassifierFacts(
        card=made_card(text),
        rule={"keep": "pareto", "alpha": 4.25, "threshold": None, "last_tie": None},
        rates=[rate | {"low": 0.3, "high": 0.35, "law": 0.21}],
        law=[(0.0, 0.05), (0.5, 0.18), (1.0, 1.0)],
        domains=[rate | {"domain": text}],
        against=text,
        drift={"sources": [drift], "auc_before": 0.8, "auc_after": 0.84, "auc_change": 0.04,
               "cosine": 0.97},
    )  # fmt: skip


def made_self_test(text: str) -> dict[str, Any]:
    """What became of planted copies, of a kind that has this name."""
    tally = {"kind": text, "num_planted": 9, "mean_similarity": 0.9, "num_due": 8,
             "recall": 0.875, "expected_recall": 0.9995, "num_false": 1}  # fmt: skip
    none = tally | {"num_due": 0, "recall": None, "expected_recall": None}
    seen = {"low": 0.8, "high": 0.85, "share": 0.9, "interval": [0.7, 0.97]}
    return {"kinds": [tally, none], "total": tally, "bins": [seen], "faults": [text]}


def made_ablation(text: str) -> dict[str, Any]:
    """Figures of two sides, of which every name is this text."""
    row = {"first": "a", "other": text, "set": text, "kind": "unseen", "num_texts": 9,
           "num_bytes": 5_000, "bits_per_byte": {"a": [2.0, 2.1], text: [2.2, 2.4]},
           "mean": {"a": 2.05, text: 2.3}, "difference": 0.25, "low": -0.3853, "high": 0.8853,
           "verdict": "not told apart"}  # fmt: skip
    side = {"title": text, "num_documents": 40, "num_copies": 41, "num_bytes": 9_000,
            "num_tokens": 3_000, "epochs": 1.5, "shares": {text: 1.0},
            "num_texts_seen": 2}  # fmt: skip
    return {"recipe": text, "is_toy": True, "model": "micro", "num_parameters": 120_000,
            "num_tokens": 4_500, "seeds": [1, 2], "tokenizer": "side a's",
            "vocab_size": 300, "sides": [side | {"name": "a"}, side | {"name": text}],
            "rows": [row, row | {"kind": "dropped by one side", "low": None, "high": None}],
            }  # fmt: skip


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
    facts.classifier = made_classifier(text)
    facts.length_edges, facts.lengths = [10.0, 100.0, 1000.0], {text: [2, 2]}
    facts.languages = [(text, 4)]
    cluster = Cluster(size=3, kept=member, others=[member])
    facts.duplicates = DuplicateFacts(
        bands=text,
        curve=[(0.5, 0.1), (0.8, 0.999), (1.0, 1.0)],
        self_test=made_self_test(text),
        num_candidates=9, num_compared=4, num_verified=2, num_anchored=1, jaccards=[0] * 19 + [4],
        reasons={text: 2}, sizes=[(2, 5), (3, 1), (9, 1)], largest=[cluster], drawn=[cluster],
    )  # fmt: skip
    facts.benchmarks = [
        BenchmarkFacts(name=text, num_items=5, num_dirty=1, ngram_size=13, overlap={text: 0.25})
    ]
    facts.hits = [
        Hit(benchmark=text, item_id=text, ngram=text, url=text, document_frequency=1, exempt=True)
    ]
    facts.mixture = [
        {"source": text, "weight": 1.0, "epochs": 2.0, "drawn_documents": 5, "drawn_tokens": 900,
         "planned_tokens": 901}
    ]
    facts.tokens, facts.num_shards = {"train": 200, "validation": 30}, {"train": 1}
    facts.tokenizer = {"vocab_size": 300, "dtype": "uint16", "bytes_per_token": 3.5,
                       "of_sources": {text: 3.25}}
    facts.training = [
        {"step": 0, "validation_loss": 6.0},
        {"step": 1, "loss": 5.9},
        {"step": 2, "loss": 5.0, "validation_loss": 5.2},
    ]
    facts.sample = text
    facts.ablation = made_ablation(text)
    return facts


@pytest.fixture
def facts() -> Facts:
    return facts_of("plain words")


def planted_of(text: str) -> dict[str, Any]:
    """A run's test of itself, of a kind that has this name."""
    tally = {"kind": text, "meaning": text, "num_planted": 9, "num_due": 8, "num_found": 7,
             "recall": 0.875, "interval": [0.529, 0.978], "num_exempt": 0, "num_ngrams_due": 90,
             "num_ngrams_found": 88, "num_named": 9, "num_cut": 9, "num_false": 1,
             "num_characters": 1_000, "num_cut_characters": 250}  # fmt: skip
    none = tally | {"num_due": 0, "recall": None, "interval": [0.0, 1.0]}
    return {"kinds": [tally, none], "lengths": [tally], "total": tally, "faults": [text],
            "num_clean_characters": 12_000, "num_clean_hits": 2, "examples": [text],
            "short": {"num_documents": 500, "num_hit": 3}}  # fmt: skip


def contamination_of(text: str) -> ContaminationFacts:
    """An item of each kind, in which everything that a document or item can say is this text."""
    ngram = Ngram(words=text, num_documents=20, num_items=2, benchmark=text, item_id=text,
                  exempt=True)  # fmt: skip
    passage = Passage(
        field="question", doc_id="00" * 16, source=text, url=text, start=7, end=9, num_ngrams=1,
        document_frequency=20, exempt=False, fate=text,
        text=[Piece(PLAIN, text), Piece(FOUND, text), Piece(PLAIN, text)],
    )  # fmt: skip
    marked = [Piece(PLAIN, text), Piece(FOUND, text), Piece(EXEMPT, text)]
    texts = ItemTexts(fields=[("question", marked)], passages=[passage], frequent=[ngram])
    counts = {"num_words": 20, "num_ngrams": 8, "num_found": 6, "num_exempt": 1, "num_covered": 18,
              "num_hits": 2, "num_documents": 2, "ngram_size": 13}  # fmt: skip
    none = dict.fromkeys(counts, 0) | {"num_words": 4, "ngram_size": 13}
    return ContaminationFacts(
        benchmarks=[
            BenchmarkCounts(
                benchmark=text, ngram_size=13, num_items=6, num_dirty=3, num_near_whole=1,
                num_quote=1, num_template=1, num_too_short=1, num_ngrams=400, num_ngrams_found=3,
            )
        ],
        items=[
            ItemCounts(benchmark=text, item_id=text, how="near_whole", texts=texts, **counts),
            ItemCounts(benchmark=text, item_id="moon", how="quote", texts=texts, **counts),
            ItemCounts(benchmark=text, item_id="sun", how="template", texts=None, **counts),
            ItemCounts(benchmark=text, item_id="star", how="too_short", texts=None, **none),
        ],
        clean=[(text, [f"{text}!", "clear"])],
        num_unlisted=3, num_passages=1, ngrams=[ngram], num_ngrams=9, num_exempt=1,
        self_test=planted_of(text),
    )  # fmt: skip
