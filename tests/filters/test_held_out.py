"""What is held out where dedup's split leaves too little for validation."""

from __future__ import annotations

import pyarrow as pa

from corpus.identity import keyed_hash
from filters.held_out import HELD_OUT_STAGE, choose_held_out
from filters.mixture import MixSettings, add_up
from tests.sizes import size_rows


def held_out(parts: list[pa.Table], **fields) -> frozenset[bytes]:
    settings = MixSettings(**fields)
    return choose_held_out(
        parts, add_up(parts), settings.weights, min_tokens=settings.min_validation_tokens, seed=1
    )


def test_enough_held_out_text_is_left_as_it_is():
    parts = [size_rows([("web", "train", 500), ("web", "validation", 100)])]
    assert held_out(parts, min_validation_tokens=100) == frozenset()
    assert held_out(parts, min_validation_tokens=0) == frozenset()


def test_a_tiny_corpus_holds_out_the_documents_of_smallest_hash():
    part = size_rows([("web", "train", 10)] * 100)
    ids = part["cluster_id"].to_pylist()
    hashes = keyed_hash(part["cluster_id"], seed=1, stage=HELD_OUT_STAGE)
    by_hash = [ids[i] for i in hashes.argsort()]
    assert held_out([part], min_validation_tokens=25) == frozenset(by_hash[:3])
    halves = [part.slice(50), part.slice(0, 50)]
    assert held_out(halves, min_validation_tokens=25) == frozenset(by_hash[:3])


def test_no_more_than_a_tenth_is_held_out_but_one_document_at_least():
    assert len(held_out([size_rows([("web", "train", 10)] * 100)], min_validation_tokens=900)) == 10
    assert len(held_out([size_rows([("web", "train", 10)] * 2)])) == 1
    assert held_out([size_rows([("web", "train", 10)])]) == frozenset()
    assert held_out([]) == frozenset()


def test_a_cluster_is_held_out_whole():
    part = size_rows([("web", "train", 10)] * 20)
    same = part["cluster_id"][0].as_py()
    ids = pa.array([same if i % 2 else own.as_py() for i, own in enumerate(part["cluster_id"])],
                   part.schema.field("cluster_id").type)
    part = part.set_column(2, part.schema.field("cluster_id"), ids)
    chosen = held_out([part], min_validation_tokens=5)
    found = add_up([part], held_out=chosen)
    assert sum(t.num_tokens for t in found["validation"]) == 10
    assert same not in chosen  # half the corpus would go


def test_only_sources_with_a_weight_are_held_out():
    part = size_rows([("web", "train", 10)] * 10 + [("books", "train", 100)] * 10)
    chosen = held_out([part], weights={"web": 1, "books": 0})
    assert chosen <= set(part["cluster_id"].to_pylist()[:10])
    assert len(chosen) == 1
