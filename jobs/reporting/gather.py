"""Reads the report's facts from the published tables and ledgers.

Only narrow columns are read, part by part; of the documents, addresses and titles of those that an
example names. Nothing here depends on the clock or on the order of arrival.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus import shards
from corpus.datasets import Dataset, open_dataset, survivors
from corpus.ledger import ROWS, ledger_from_json
from corpus.stages import STAGES, Stage
from corpus.storage import Store
from jobs.reporting.ablation import gather_ablation
from jobs.reporting.classifier import gather_classifier
from jobs.reporting.duplicates import gather_duplicates, names_of
from jobs.reporting.facts import (
    DOCUMENT_STAGES,
    JUDGES,
    BenchmarkFacts,
    Facts,
    Hit,
    SourceFacts,
    StageFacts,
)
from jobs.token_rates import bytes_per_token, rates_by

if TYPE_CHECKING:
    from jobs.recipe import Recipe
    from jobs.report import ReportSettings

LENGTH_EDGES = 10 ** np.linspace(1, 6, 41)  # characters of a document, 10 to 1 million

Counts = npt.NDArray[np.int64]


def gather(store: Store, recipe: Recipe) -> Facts:
    """Read the facts of a finished run; raises NotBuilt where a stage is missing."""
    settings = recipe.report
    facts = Facts(name=recipe.name, description=recipe.description, seed=recipe.seed)
    documents = open_dataset(store, "documents")
    tables = {name: open_dataset(store, name) for name in JUDGES}
    facts.stages = [_stage_facts(store, stage) for stage in STAGES if stage.name != "report"]
    _add_links(facts, open_dataset(store, "fetches"))
    _add_documents(facts, documents, tables, settings.num_bins)
    facts.classifier = gather_classifier(
        store, num_domains=settings.num_domains, against=settings.drift_from
    )
    facts.duplicates = gather_duplicates(
        store,
        recipe.dedup,
        num_clusters=settings.num_clusters,
        num_members=settings.num_members,
        seed=recipe.seed,
    )
    _add_benchmarks(facts, store, documents, settings)
    facts.mixture = open_dataset(store, "mixture").read_all().sort_by("source").to_pylist()
    _add_tokens(facts, store)
    _add_training(facts, open_dataset(store, "model"), settings.sample_characters)
    facts.ablation = gather_ablation(store)
    return facts


def _stage_facts(store: Store, stage: Stage) -> StageFacts:
    record = json.loads(store.read("_stages", f"{stage.name}.json"))
    account = ledger_from_json(record["ledger"]).account(ROWS)
    return StageFacts(
        name=stage.name,
        taken=account.taken,
        kept=account.kept,
        dropped=dict(_by_count(account.dropped)),
    )


def _by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _add_links(facts: Facts, fetches: Dataset) -> None:
    outcomes: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for table in _parts(fetches, ["outcome", "reason"]):
        outcomes.update(table["outcome"].to_pylist())
        failures.update(r for r in table["reason"].to_pylist() if r is not None)
    facts.link_outcomes = dict(_by_count(outcomes))
    facts.link_failures = dict(_by_count(failures))


def _parts(dataset: Dataset, columns: Sequence[str]) -> Iterator[pa.Table]:
    return (dataset.read(part, columns) for part in range(dataset.num_parts))


def _add_documents(
    facts: Facts, documents: Dataset, tables: dict[str, Dataset], num_bins: int
) -> None:
    """Histograms, languages, and what each stage left of each source."""
    edges = np.linspace(0, 1, num_bins + 1)
    kept: dict[str, Counter[str]] = defaultdict(Counter)
    languages: Counter[str] = Counter()
    lengths = {"texts": _zeros(LENGTH_EDGES), "in the mixture": _zeros(LENGTH_EDGES)}
    scores: dict[str, Counts] = defaultdict(lambda: _zeros(edges))
    for part in range(documents.num_parts):
        before = survivors(documents, documents, part, ["source"])
        lengths["texts"] += _histogram(before["num_characters"], LENGTH_EDGES)
        kept["extract"].update(before["source"].to_pylist())
        languages.update(_present(tables["screen"].read(part, ["language"])["language"]))
        judged = survivors(documents, tables["screen"], part, ["source"])
        values = tables["quality"].read(part, ["score"])["score"]
        for source in sorted(set(judged["source"].to_pylist())):
            own = pc.equal(judged["source"], source)
            scores[source] += _histogram(values.filter(own), edges)
        for name in JUDGES:
            left = survivors(documents, tables[name], part, ["source"])
            kept[name].update(left["source"].to_pylist())
        lengths["in the mixture"] += _histogram(left["num_characters"], LENGTH_EDGES)
    facts.languages = _by_count(languages)
    facts.score_edges, facts.length_edges = edges.tolist(), LENGTH_EDGES.tolist()
    facts.scores = {source: scores[source].tolist() for source in sorted(scores)}
    facts.lengths = {name: counts.tolist() for name, counts in lengths.items()}
    facts.sources = [
        SourceFacts(name=s, kept={n: kept[n][s] for n in DOCUMENT_STAGES}, tokens=0)
        for s in sorted(kept["extract"])
    ]


def _zeros(edges: npt.NDArray[np.float64]) -> Counts:
    return np.zeros(len(edges) - 1, np.int64)


def _histogram(values: pa.ChunkedArray, edges: npt.NDArray[np.float64]) -> Counts:
    """Values by bin; those beyond the ends count in the outermost bins, nulls nowhere."""
    numbers = values.drop_null().to_numpy().astype(np.float64)
    return np.histogram(np.clip(numbers, edges[0], edges[-1]), edges)[0].astype(np.int64)


def _present(values: pa.ChunkedArray) -> list[str]:
    return [value for value in values.to_pylist() if value is not None]


def _add_benchmarks(
    facts: Facts, store: Store, documents: Dataset, settings: ReportSettings
) -> None:
    overlap = open_dataset(store, "overlap").read_all().to_pylist()
    for row in open_dataset(store, "benchmarks").read_all().sort_by("benchmark").to_pylist():
        shares = {
            one["source"]: one["num_found"] / max(1, one["num_ngrams"])
            for one in overlap
            if one["benchmark"] == row["benchmark"]
        }
        facts.benchmarks.append(
            BenchmarkFacts(
                name=row["benchmark"],
                num_items=row["num_items"],
                num_dirty=row["num_dirty"],
                ngram_size=row["ngram_size"],
                overlap=dict(sorted(shares.items())),
            )
        )
    matches = open_dataset(store, "contamination").read_all(["num_matches"])["num_matches"]
    facts.num_cut = int(pc.sum(pc.greater(matches, 0)).as_py() or 0)
    _add_hits(facts, open_dataset(store, "hits"), documents, settings.num_hits)


def _add_hits(facts: Facts, hits: Dataset, documents: Dataset, limit: int) -> None:
    order = [("num_ngrams", "descending"), ("benchmark", "ascending"), ("item_id", "ascending"),
             ("doc_id", "ascending"), ("start", "ascending")]  # fmt: skip
    rows = hits.read_all().sort_by(order).slice(0, limit).to_pylist()
    names = names_of(documents, {row["doc_id"] for row in rows})
    for row in rows:
        facts.hits.append(
            Hit(
                benchmark=row["benchmark"],
                item_id=row["item_id"],
                ngram=row["ngram"],
                url=names.get(row["doc_id"], ("", ""))[1],
                document_frequency=row["document_frequency"],
                exempt=row["exempt"],
            )
        )


def _add_tokens(facts: Facts, store: Store) -> None:
    manifest = json.loads(open_dataset(store, "shards").local(shards.MANIFEST).read_text("utf-8"))
    facts.tokens = dict(manifest["num_tokens"])
    facts.num_shards = dict(Counter(shard["split"] for shard in manifest["shards"]))
    facts.sources = [
        SourceFacts(name=s.name, kept=s.kept, tokens=manifest["source_tokens"].get(s.name, 0))
        for s in facts.sources
    ]
    rates = open_dataset(store, "token_rates").read_all()
    facts.tokenizer = {
        "vocab_size": manifest["vocab_size"],
        "dtype": manifest["dtype"],
        "bytes_per_token": bytes_per_token(store),
        "of_sources": {
            row["source"]: row["bytes_per_token"] for row in rates_by(rates, ["source"])
        },
    }


def _add_training(facts: Facts, model: Dataset, sample_characters: int) -> None:
    lines = model.local("train.jsonl").read_text("utf-8").splitlines()
    facts.training = [json.loads(line) for line in lines if line.strip()]
    facts.sample = model.local("sample.txt").read_text("utf-8")[:sample_characters]
