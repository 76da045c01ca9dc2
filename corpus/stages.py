"""The pipeline as a table: read this first.

A stage reads the datasets named in `inputs` and writes those named in `outputs`, all of them
folders of the root; schemas.py has the columns of each table. Its ledger counts the rows of its
last output. `sections` are the parts of the recipe that it depends on, besides the seed: it runs
again when one of them, an input or its code has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpus.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One row of the pipeline."""

    name: str
    module: str
    purpose: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sections: tuple[str, ...]
    without: tuple[str, ...] = ()
    """Fields of the sections that change nothing in it."""


STAGES: tuple[Stage, ...] = (
    Stage(
        name="links",
        module="jobs.links",
        purpose="Outbound links of the Reddit dumps that earned enough karma.",
        inputs=(),
        outputs=("links", "malformed", "pieces", "posts"),
        sections=("sources", "links"),
    ),
    Stage(
        name="fetch",
        module="jobs.fetch",
        purpose="Find each link in archives and indexes, crawl the rest, list every capture.",
        inputs=("links",),
        outputs=(
            "transfers", "downloads", "scanned", "served", "lookups", "ranged", "range_transfers",
            "ranges", "wanted", "crawl", "crawled", "repeats", "captures", "fetches",
        ),
        sections=("sources", "commoncrawl", "fetch"),
    ),
    Stage(
        name="extract",
        module="jobs.extract",
        purpose="Main text of each capture and each line of the text sources, or a reason.",
        inputs=("downloads", "captures"),
        outputs=("other_texts", "quarantine", "documents"),
        sections=("sources", "extract"),
    ),
    Stage(
        name="screen",
        module="jobs.screen",
        purpose="URL rules, language, heuristics; lines to remove and personal data to mask.",
        inputs=("documents",),
        outputs=("screen",),
        sections=("sources", "screen"),
    ),
    Stage(
        name="quality",
        module="jobs.quality",
        purpose="A classifier's score of each document, and the keep rule over it.",
        inputs=("documents", "screen"),
        outputs=("quality_model", "quality_scores", "quality_rule", "quality"),
        sections=("sources", "quality", "contamination"),
        without=("contamination.plant",),
    ),
    Stage(
        name="dedup",
        module="jobs.dedup",
        purpose="Near-duplicates proposed by MinHash-LSH, proved by Jaccard, best copy kept.",
        inputs=("documents", "quality"),
        outputs=(
            "dedup_index", "signatures", "plants", "copies", "candidates", "likely", "loans",
            "plant_pairs", "pairs", "components", "clusters", "span_marks", "spans", "self_test",
            "dedup",
        ),
        sections=("sources", "dedup"),
    ),
    Stage(
        name="contamination",
        module="jobs.contamination",
        purpose="Benchmark text found, confirmed and cut; overlap measured both ways.",
        inputs=("documents", "dedup"),
        outputs=(
            "benchmark_index", "source_ngrams", "ngram_hits", "ngram_frequencies",
            "benchmark_texts", "benchmark_items", "benchmark_ngrams", "hits", "filter_parts",
            "benchmark_filter", "overlap", "benchmarks", "clean_passages", "planted_items",
            "contamination_self_test", "contamination",
        ),
        sections=("contamination",),
    ),
    Stage(
        name="vocabulary",
        module="jobs.vocabulary",
        purpose="Byte-level BPE learnt from the counts of the weighted mixture, or given.",
        inputs=("documents", "screen", "dedup", "contamination"),
        outputs=("source_pretokens", "pretokens", "tokenizer"),
        sections=("sources", "vocabulary", "mix"),
        without=(
            "vocabulary.encoder", "mix.total_tokens", "mix.max_epochs", "mix.over_max_epochs",
            "mix.min_validation_tokens",
        ),
    ),
    Stage(
        name="mix",
        module="jobs.mix",
        purpose="How often each survivor is trained on, and which are held out.",
        inputs=("documents", "screen", "dedup", "contamination", "tokenizer"),
        outputs=(
            "part_token_uses", "part_token_rates", "token_uses", "token_rates", "sizes", "mixture",
            "mix",
        ),
        sections=("sources", "mix"),
    ),
    Stage(
        name="tokenize",
        module="jobs.tokenize_text",
        purpose="Token shards in global order, and where each document lies in them.",
        inputs=("documents", "screen", "dedup", "contamination", "tokenizer", "mix"),
        outputs=("shards", "provenance"),
        sections=("tokenize",),
    ),
    Stage(
        name="train",
        module="jobs.train",
        purpose="The recipe's GPT, with validation loss, checkpoints and a sample.",
        inputs=("tokenizer", "shards"),
        outputs=("model",),
        sections=("train",),
        without=("train.verify_shards",),
    ),
    Stage(
        name="report",
        module="jobs.report",
        purpose="Pages: funnel, scores, duplicates, contamination, mixture, loss; every item.",
        inputs=(
            "links", "fetches", "captures", "documents", "screen", "quality_model",
            "quality_scores", "quality_rule", "quality", "candidates", "pairs", "clusters",
            "self_test", "dedup", "benchmark_texts", "benchmark_items", "benchmark_ngrams",
            "benchmarks", "hits", "overlap", "contamination_self_test", "contamination", "mix",
            "mixture", "tokenizer", "token_rates", "shards", "provenance", "model",
        ),
        outputs=("report",),
        sections=("report",),
    ),
)

STAGE_NAMES = tuple(stage.name for stage in STAGES)


def stage_named(name: str) -> Stage:
    """The stage of this name; raises ConfigError with the known names."""
    for stage in STAGES:
        if stage.name == name:
            return stage
    raise ConfigError(f"stage {name}: unknown; expected one of {', '.join(STAGE_NAMES)}, or all")


def writer_of(dataset: str) -> Stage:
    """The stage that writes a dataset; raises ConfigError where there is none."""
    for stage in STAGES:
        if dataset in stage.outputs:
            return stage
    raise ConfigError(f"dataset {dataset}: no stage writes it; see corpus/stages.py")
