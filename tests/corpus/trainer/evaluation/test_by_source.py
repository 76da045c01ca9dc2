"""Losses of sources are those of their tokens, each in its window, and add up to the whole."""

from __future__ import annotations

import math

import numpy as np
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from corpus.datasets import open_dataset  # noqa: E402
from corpus.errors import Damaged  # noqa: E402
from corpus.shards import read_manifest, read_tokens  # noqa: E402
from corpus.tokenizer.files import load  # noqa: E402
from corpus.trainer.batches import open_split  # noqa: E402
from corpus.trainer.evaluation.by_source import (  # noqa: E402
    SourceLoss,
    SourceSpans,
    evaluate_by_source,
    in_all,
    source_spans,
)
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402
from corpus.trainer.validation import evaluate, token_lengths  # noqa: E402
from tests.corpus.trainer.known_models import chain  # noqa: E402
from tests.jobs.shards_root import IDS, PLACES, make_root, source_of  # noqa: E402

SHAPE = ModelShape(num_layers=1, num_heads=2, width=16, context=32)
SPANS = SourceSpans(names=("a", "b"), ends=np.array([3, 4, 8]), sources=np.array([1, 0, 1]))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    make_root(folder)
    return folder


@pytest.fixture
def opened(root):
    """Manifest and provenance of the root."""
    from corpus.storage import Store

    return read_manifest(root / "shards"), open_dataset(Store(str(root)), "provenance")


def stream_of(ids, size):
    from corpus.trainer.batches import TokenStream

    return TokenStream([np.array(ids, np.uint16)], size)


def test_each_token_counts_with_its_source_by_hand():
    # 0 is end-of-text; after any token each of the four has a chance of its own.
    model = chain({token: {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4} for token in range(4)}, 4)
    stream = stream_of([0, 1, 2, 0, 3, 0, 3, 0], 4)
    spans = SourceSpans(names=("a", "b"), ends=np.array([4, 6, 8]), sources=np.array([0, 1, 0]))
    token_bytes = np.array([0, 1, 2, 5])
    first, second = evaluate_by_source(model, stream, spans, token_bytes, num_sequences=2)
    assert (first.source, first.num_tokens, first.num_bytes) == ("a", 5, 8)
    assert first.nats == pytest.approx(-math.log(0.2 * 0.3 * 0.1 * 0.4 * 0.1))
    assert (second.source, second.num_tokens, second.num_bytes) == ("b", 2, 5)
    assert second.nats == pytest.approx(-math.log(0.4 * 0.1))
    assert second.loss == pytest.approx(second.nats / 2)
    assert second.bits_per_byte == pytest.approx(second.nats / math.log(2) / 5)


def test_runs_tell_the_source_of_any_tokens():
    assert SPANS.of_tokens(0, 8).tolist() == [1, 1, 1, 0, 1, 1, 1, 1]
    assert SPANS.of_tokens(2, 3).tolist() == [1, 0, 1]


def test_provenance_says_the_source_of_each_token_over_shards(root, opened):
    manifest, provenance = opened
    spans = source_spans(manifest, provenance, "train")
    expected = []
    for (split, number), urls in PLACES.items():
        if split != "train":
            continue
        tokens = read_tokens(root / "shards" / f"train-{number:05d}.bin")
        rows = {
            row["ordinal"]: row for row in provenance.read(number).to_pylist()
        }
        by_token = [source_of(urls[0])] * len(tokens)  # the opening end-of-text too
        for ordinal, url in enumerate(urls):
            assert rows[ordinal]["doc_id"] == IDS[url]
            for at in range(rows[ordinal]["start"], rows[ordinal]["end"]):
                by_token[at] = source_of(url)
        expected += by_token
    found = [spans.names[place] for place in spans.of_tokens(0, len(expected))]
    assert found == expected
    assert set(found) == {"books", "web"}


@pytest.mark.parametrize("num_tokens", [0, 301])
def test_sources_add_up_to_the_whole_that_training_reports(root, opened, num_tokens):
    manifest, provenance = opened
    model = GPT(SHAPE, manifest.vocab_size, seed=2)
    stream = open_split(root / "shards", manifest, "train")
    token_bytes = token_lengths(load(root / "tokenizer"))
    whole = evaluate(model, stream, token_bytes, num_sequences=4, num_tokens=num_tokens)
    spans = source_spans(manifest, provenance, "train")
    found = evaluate_by_source(
        model, stream, spans, token_bytes, num_sequences=4, num_tokens=num_tokens
    )
    together = in_all(found)
    assert together.num_tokens == whole.num_tokens == (num_tokens or len(stream) - 1)
    assert together.loss == pytest.approx(whole.loss, rel=1e-6)
    assert together.bits_per_byte == pytest.approx(whole.bits_per_byte, rel=1e-6)
    assert together.nats == math.fsum(source.nats for source in found)
    if not num_tokens:
        counts = manifest.source_tokens
        opening = sum(1 for shard in manifest.shards if shard.split == "train") - 1
        assert {s.source: s.num_tokens for s in found} == {
            "books": counts["books"] + opening, "web": counts["web"]
        }  # fmt: skip


def test_attention_within_documents_is_scored_within_them(root, opened):
    manifest, provenance = opened
    model = GPT(SHAPE, manifest.vocab_size, seed=2)
    with torch.no_grad():
        model.tokens.weight *= 20
    token_bytes = token_lengths(load(root / "tokenizer"))
    spans = source_spans(manifest, provenance, "train")
    within, across = (
        open_split(root / "shards", manifest, "train", with_documents=masked)
        for masked in (True, False)
    )
    whole = evaluate(model, within, token_bytes, num_sequences=4)
    found = in_all(evaluate_by_source(model, within, spans, token_bytes, num_sequences=4))
    assert found.loss == pytest.approx(whole.loss, rel=1e-6)
    other = in_all(evaluate_by_source(model, across, spans, token_bytes, num_sequences=4))
    assert abs(found.loss - other.loss) > 1e-4


def test_batches_change_nothing(root, opened):
    manifest, provenance = opened
    model = GPT(SHAPE, manifest.vocab_size, seed=2)
    stream = open_split(root / "shards", manifest, "train")
    spans = source_spans(manifest, provenance, "train")
    ones = np.ones(manifest.vocab_size, np.int64)
    one, many = (
        evaluate_by_source(model, stream, spans, ones, num_sequences=n) for n in (1, 50)
    )
    for ours, theirs in zip(one, many, strict=True):
        assert ours.nats == pytest.approx(theirs.nats, rel=1e-6)
        assert ours.num_bytes == theirs.num_bytes


def test_nothing_scored_has_no_loss():
    model = chain({}, 4)
    found = evaluate_by_source(model, stream_of([0], 4), SPANS, np.ones(4, int), num_sequences=1)
    assert [(source.loss, source.bits_per_byte) for source in found] == [(None, None)] * 2
    assert in_all(found) == SourceLoss(source="all", num_tokens=0, num_bytes=0, nats=0.0)


def test_provenance_with_a_gap_is_refused(tmp_path):
    store = make_root(tmp_path)
    manifest = read_manifest(tmp_path / "shards")
    path = tmp_path / "provenance" / "part-00002.parquet"
    table = pq.read_table(path)
    starts = table["start"].to_pylist()
    starts[1] += 1
    place = table.schema.get_field_index("start")
    pq.write_table(table.set_column(place, table.schema.field(place), [starts]), path)
    with pytest.raises(Damaged, match=r"part-00002.*validation-00000"):
        source_spans(manifest, open_dataset(store, "provenance"))
