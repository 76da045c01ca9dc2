"""A root whose documents have been judged: what vocabulary, mix and tokenize start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.identity import doc_id_of_place
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.tokenizer.files import save
from corpus.tokenizer.settings import TokenizeSettings, VocabularySettings
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import Vocabulary
from filters.mixture import MixSettings
from jobs.parts import Job
from tests.tables import write_table


@dataclass(frozen=True)
class Doc:
    """A document, and what dedup and contamination said of it."""

    text: str
    source: str = "web"
    split: str = "train"
    duplicate: bool = False
    pieces: tuple[tuple[int, int], ...] | None = None
    """None: whole; empty: dropped by contamination."""
    edits: tuple[tuple[int, int, str], ...] = ()
    """(start, end, replacement)."""
    name: str = ""
    language: str = "en"


def judged_root(root: str, docs: Sequence[Doc], *, num_parts: int) -> Store:
    """Write the judges' tables; document i is in part i * num_parts // len."""
    store = Store(root)
    bounds = [part * len(docs) // num_parts for part in range(num_parts + 1)]
    parts = [range(bounds[k], bounds[k + 1]) for k in range(num_parts)]
    write_table(store, "documents", [[_document(i, docs[i]) for i in part] for part in parts])
    write_table(store, "screen", [[_screen(i, docs[i]) for i in part] for part in parts])
    write_table(store, "dedup", [[_dedup(i, docs[i]) for i in part] for part in parts])
    cuts = [[_cut(i, docs[i]) for i in part if not docs[i].duplicate] for part in parts]
    write_table(store, "contamination", cuts)
    return store


def job_at(store: Store, stage: str, session: Any, **sections: Any) -> Job:
    """A stage's job on that root; sections: `seed`, `vocabulary`, ...."""
    given = {
        "name": "judged", "seed": 0, "vocabulary": VocabularySettings(), "mix": MixSettings(),
        "tokenize": TokenizeSettings(), "sources": {},
    }  # fmt: skip
    recipe: Any = SimpleNamespace(**(given | sections))
    return Job(
        stage=stage_named(stage), recipe=recipe, store=store, session=session, ledger=Ledger()
    )


def doc_id(index: int, doc: Doc) -> bytes:
    """The document's id: by its name, else by its index."""
    return doc_id_of_place(doc.source, doc.name or "file", 0 if doc.name else index)


def _document(index: int, doc: Doc) -> dict[str, Any]:
    return {
        "doc_id": doc_id(index, doc), "source": doc.source, "offset": index, "keep": True,
        "url": f"https://{doc.source}.example/{index}", "num_characters": len(doc.text),
        "text": doc.text,
    }


def _screen(index: int, doc: Doc) -> dict[str, Any]:
    edits = [
        {"start": start, "end": end, "kind": "test", "replacement": replacement}
        for start, end, replacement in doc.edits
    ]
    return {"doc_id": doc_id(index, doc), "keep": True, "edits": edits, "language": doc.language}


def _dedup(index: int, doc: Doc) -> dict[str, Any]:
    own = doc_id(index, doc)
    return {
        "doc_id": own, "keep": not doc.duplicate, "split": doc.split, "cluster_id": own,
        "reason": "duplicate" if doc.duplicate else None, "kept_doc_id": own,
    }


def _cut(index: int, doc: Doc) -> dict[str, Any]:
    pieces = ((0, len(doc.text)),) if doc.pieces is None else doc.pieces
    return {
        "doc_id": doc_id(index, doc), "keep": bool(pieces), "num_matches": 0,
        "reason": None if pieces else "too_many_pieces",
        "pieces": [{"start": start, "end": end} for start, end in pieces],
    }


def with_vocabulary(store: Store, vocabulary: Vocabulary) -> None:
    """Give the root a tokenizer, as the stage vocabulary would."""
    with job_at(store, "vocabulary", None).folder("tokenizer") as folder:
        save(vocabulary, folder, {"vocab_size": vocabulary.size})


def bytes_for_tokens() -> Vocabulary:
    """The vocabulary in which each byte is a token, and end-of-text."""
    return learn(pa.array([b"a"], pa.large_binary()), np.ones(1, np.int64), vocab_size=257)
