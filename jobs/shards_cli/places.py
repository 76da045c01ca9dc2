"""Shards and documents of a run, as the commands name them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus import redo
from corpus.datasets import MANIFEST, Dataset, open_dataset
from corpus.errors import Damaged, InputError
from corpus.identity import DOC_ID
from corpus.shards import ShardInfo, ShardManifest, TokenArray, read_manifest, read_tokens
from corpus.storage import Store
from corpus.tokenizer.files import TOKENIZER_FILE, read_tokenizer
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.urls import url_key

REDACTIONS = "redactions.json"
"""Every document copy that was redacted, in the root: it outlives the shards."""

ID = re.compile("[0-9a-fA-F]{32}")
CUT_OFF = "a redaction was cut off; run `winnow shards redact` to finish it"
Row = dict[str, Any]
"""A row of `provenance`."""


@dataclass(frozen=True)
class Shards:
    """The shards of a root with their provenance, open for reading."""

    store: Store
    manifest: ShardManifest
    provenance: Dataset

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the ids mean; raises Damaged where it is not the one that shards.json names."""
        where = self.store.path("tokenizer", TOKENIZER_FILE)
        open_dataset(self.store, "tokenizer")
        data = self.store.read("tokenizer", TOKENIZER_FILE)
        if (found := hashlib.sha256(data).hexdigest()) != self.manifest.tokenizer_sha256:
            raise Damaged(
                f"{where}: SHA-256 {found[:16]}..., but the shards are of the tokenizer "
                f"{self.manifest.tokenizer_sha256[:16]}...; run `winnow run tokenize --force`"
            )
        return read_tokenizer(data, where=where)

    def tokens(self, shard: ShardInfo) -> TokenArray:
        """The ids of a shard, mapped."""
        return read_tokens(self.store.local("shards", f"{shard.name}.bin"))

    def rows(self, part: int, columns: Sequence[str] | None = None) -> pa.Table:
        """What provenance says of the shard at this place of the manifest, in order."""
        return self.provenance.read(part, columns)

    def find(self, document: str) -> Iterator[tuple[int, Row]]:
        """Every copy of a document, or of all documents of an address, and its shard's place."""
        doc_ids = _doc_ids(self.store, document)
        is_id = ID.fullmatch(document) is not None
        for part in range(len(self.manifest.shards)):
            keys = self.rows(part, ["doc_id", "url"])
            mask = pc.is_in(keys["doc_id"], value_set=doc_ids)
            if not is_id:
                mask = pc.or_(mask, pc.fill_null(pc.equal(keys["url"], document), False))
            if pc.any(mask).as_py():
                for row in self.rows(part).filter(mask).to_pylist():
                    yield part, row


def open_shards(root: str, *, half_moved: bool = False) -> Shards:
    """The shards of a root; raises NotBuilt or Damaged.

    half_moved: open them too where a redaction was cut off.
    """
    store = Store(root)
    if redo.is_pending(store) and not half_moved:
        raise Damaged(f"{store.path('shards')}: {CUT_OFF}")
    listed = open_dataset(store, "shards")
    manifest = read_manifest(listed.folder())
    provenance = open_dataset(store, "provenance")
    if provenance.num_parts != len(manifest.shards):
        raise Damaged(
            f"{store.path('provenance')}: {provenance.num_parts} parts, expected one for each of "
            f"{len(manifest.shards)} shards; run `winnow run tokenize --force`"
        )
    return Shards(store, manifest, provenance)


def the_document(shards: Shards, document: str) -> tuple[int, Row]:
    """The first copy of the one document meant; raises InputError."""
    found: dict[bytes, tuple[int, Row]] = {}
    for part, row in shards.find(document):
        found.setdefault(row["doc_id"], (part, row))
    if not found:
        raise not_in_shards(shards, document)
    if len(found) > 1:
        names = ", ".join(sorted(name.hex() for name in found))
        raise InputError(
            f"{document}: {len(found)} documents of the shards have this address; expected one: "
            f"name it by its id, of {names}"
        )
    return next(iter(found.values()))


def not_in_shards(shards: Shards, document: str) -> InputError:
    """What to say of a document that no shard holds."""
    return InputError(
        f"{document}: no document of the shards of {shards.store.root} has this id or address; "
        "expected 32 hexadecimal digits or a URL: `winnow why` tells what became of it"
    )


def redactions(store: Store) -> list[dict[str, Any]]:
    """The rows of redactions.json, none where nothing was redacted."""
    if not store.exists(REDACTIONS):
        return []
    found: list[dict[str, Any]] = json.loads(store.read(REDACTIONS))
    return found


def was_redacted(store: Store, document: str) -> bool:
    """Whether a document of this id or address is in redactions.json."""
    key = _page_key(document)
    return any(
        document.lower() == row["doc_id"]
        or document == row["url"]
        or (key is not None and row["url"] and url_key(row["url"]) == key)
        for row in redactions(store)
    )


def texts_of(vocabulary: Vocabulary, ids: TokenArray) -> list[str]:
    """The texts of a document, from its ids with an end-of-text after each."""
    ends = np.flatnonzero(ids == vocabulary.eot_id)
    starts = [0, *(ends[:-1] + 1).tolist()]
    return [
        vocabulary.decode(ids[start:end].tolist())
        for start, end in zip(starts, ends.tolist(), strict=True)
    ]


def _page_key(document: str) -> str | None:
    """The key of a page's address; none for one with a fragment: a text of a file, that one alone.

    A key has no fragment, and would mean all texts of the file.
    """
    return None if "#" in document else url_key(document)


def _doc_ids(store: Store, document: str) -> pa.Array:
    """The id given, or those of all documents at an address."""
    if ID.fullmatch(document):
        return pa.array([bytes.fromhex(document)], DOC_ID)
    key = _page_key(document)
    found: list[Any] = []
    if key is not None and store.exists("documents", MANIFEST):
        documents = open_dataset(store, "documents")
        for part in range(documents.num_parts):
            keys = documents.read(part, ["doc_id", "url_key"])
            found += keys.filter(pc.equal(keys["url_key"], key))["doc_id"].to_pylist()
    return pa.array(found, DOC_ID)
