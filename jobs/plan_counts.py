"""What a root says of a corpus, for `winnow plan`: bytes by source, volumes and sizes of tables.

From manifests, stage records and narrow columns; no text is read. Where the root was run on a share
of the corpus, all is divided by it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from corpus.datasets import MANIFEST, open_dataset, survivors
from corpus.errors import InputError
from corpus.stages import stage_named
from corpus.storage import Store
from filters import mixture
from filters.held_out import TRAIN
from filters.mixture import SourceTotal
from filters.planning import Volume, scaled

VERDICTS = ("contamination", "dedup", "quality", "screen", "documents")
JUDGED = ("screen", "quality", "dedup", "contamination", "sizes", "mix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a root holds, or would hold if it were the whole."""

    totals: list[SourceTotal]
    """For training, by source; no tokens where mix has not run."""
    volume: Volume
    stored: dict[str, float]
    """Bytes of the tables that grow with documents."""
    vocab_size: int | None
    """Of the root's tokenizer."""
    how: str


def read_counts(store: Store, share: float) -> Counts:
    """What a root holds, divided by the share of the corpus that it is."""
    names = [name for name in VERDICTS if store.exists(name, MANIFEST)]
    if "documents" not in names:
        raise InputError(
            f"{store.root}: no documents are finished here; run `winnow run extract` and what "
            "follows, or give --recipe alone"
        )
    documents = open_dataset(store, "documents")
    if store.exists("mix", MANIFEST):
        mix = open_dataset(store, "mix")
        columns = ("source", "split", "num_bytes", "num_tokens")
        totals = mixture.add_up(mix.read(part, columns) for part in range(mix.num_parts))
        train, unit = totals[TRAIN], "survivors for training, by its table mix"
    else:
        train = _characters(store, names[0])
        unit = f"characters of what {names[0]} keeps, as bytes: mix has not run there"
    if not any(total.num_bytes for total in train):
        raise InputError(f"{store.root}: no document is left; `winnow status` has the reasons")
    kept = {name: open_dataset(store, name).num_kept for name in names}
    text = _ledger_characters(store, "screen") or sum(total.num_bytes for total in train)
    captures = store.exists("captures", MANIFEST)
    volume = Volume(
        num_pages=(open_dataset(store, "captures").num_rows if captures else 0) / share,
        num_documents=documents.num_kept / share,
        text_bytes=text / share,
        judged_documents=kept.get("quality", documents.num_kept) / share,
        judged_bytes=(_ledger_characters(store, "dedup") or text) / share,
        num_parts=documents.num_parts / share,
    )
    tokenizer = (
        json.loads(store.read("tokenizer", "report.json"))
        if store.exists("tokenizer", MANIFEST)
        else {}
    )
    scale = "" if share == 1 else f", divided by the share {share:g}"
    return Counts(
        totals=scaled(train, share),
        volume=volume,
        stored=_stored(store, share),
        vocab_size=tokenizer.get("vocab_size"),
        how=f"{store.root}: {unit}{scale}",
    )


def _characters(store: Store, verdicts: str) -> list[SourceTotal]:
    """Characters of what a stage keeps, by source."""
    sums: dict[str, list[int]] = {}
    documents, judged = open_dataset(store, "documents"), open_dataset(store, verdicts)
    for part in range(documents.num_parts):
        rows = survivors(documents, judged, part, ("source",))
        counted = rows.group_by("source").aggregate([("num_characters", "sum"), ([], "count_all")])
        for row in counted.to_pylist():
            total = sums.setdefault(row["source"], [0, 0])
            total[0] += row["count_all"]
            total[1] += row["num_characters_sum"]
    return [
        SourceTotal(source=source, num_documents=total[0], num_bytes=total[1], num_tokens=0)
        for source, total in sorted(sums.items())
    ]


def _ledger_characters(store: Store, stage: str) -> int:
    """Characters that a stage took, by its record; 0 where there is none."""
    place = ("_stages", f"{stage}.json")
    if not store.exists(*place):
        return 0
    ledger = json.loads(store.read(*place)).get("ledger", {})
    return int(ledger.get("characters", {}).get("taken", 0))


def _stored(store: Store, share: float) -> dict[str, float]:
    """Bytes of the tables that grow with documents, as published, scaled."""
    groups = {
        "documents": ("documents",),
        "dedup, index and pairs": tuple(n for n in stage_named("dedup").outputs if n != "dedup"),
        "verdicts": JUDGED,
    }
    sizes = {}
    for name, tables in groups.items():
        datasets = [open_dataset(store, t) for t in tables if store.exists(t, MANIFEST)]
        files = [file for one in datasets for part in one.parts for file in part.files]
        sizes[name] = sum(file.num_bytes for file in files) / share
    return sizes
