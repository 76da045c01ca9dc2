"""What is computed of a text by itself."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash

from corpus.words import split_words
from filters.dedup import DEFAULT, PUBLISHED, DedupSettings, signing
from filters.dedup.bands import banding, digest_bands, shingle_digests
from filters.dedup.copies import text_digests
from filters.dedup.minhash import signatures
from filters.dedup.shingles import shingle_sets, shingles, shingles_of
from filters.dedup.signing import description, sets_of_rows, sign, slices
from filters.dedup.sketches import num_hashes, sketches

TEXTS = pa.array(
    ["one two three four five six", "", None, "Zwölf?", "one " * 40], pa.large_string()
)


def test_a_text_has_its_digest_its_keys_and_its_words() -> None:
    signed = sign(TEXTS, DEFAULT, seed=1)
    assert signed.num_words.tolist() == [6, 0, 0, 1, 40]
    assert (signed.digests == text_digests(split_words(TEXTS))).all()
    found = shingles(TEXTS, ngram_size=5)
    assert (signed.keys == shingle_digests(found, DEFAULT, seed=1)).all()
    hashes = signatures(found, num_hashes=num_hashes(DEFAULT), seed=1)
    assert (signed.sketches == sketches(hashes)).all()


def test_no_text_is_signed_as_none() -> None:
    signed = sign(TEXTS.slice(0, 0), DEFAULT, seed=1)
    assert [array.shape for array in signed] == [(0, 2), (0, 20), (0, 6), (0,)]


@pytest.mark.parametrize("size", [1, 30, 10**9])
def test_slices_hold_all_texts_in_order(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "SLICE_BYTES", size)
    parts = [part.to_pylist() for part in slices(TEXTS)]
    assert [text for part in parts for text in part] == TEXTS.to_pylist()
    assert all(parts)


def test_sets_come_in_the_order_of_the_rows_asked_for() -> None:
    found = sets_of_rows(TEXTS, np.array([3, 0, 1]), DEFAULT)
    sets = shingle_sets(shingles(TEXTS.take(pa.array([3, 0, 1])), ngram_size=5))
    assert found.hashes.tolist() == sets.hashes.tolist()
    assert found.offsets.tolist() == sets.offsets.tolist()


def test_keys_are_those_of_datasketchs_signature() -> None:
    """From the text to the keys: datasketch's hash values of our shingles, band by band."""
    chosen = PUBLISHED["fineweb"]
    text = "a b c d e f g h"
    found = shingles(pa.array([text]), ngram_size=5)
    sketch = MinHash(112, seed=1, hashfunc=lambda value: value, scheme="affine32")
    sketch.update_batch((found.hashes >> np.uint64(32)).astype(np.uint32))
    expected = digest_bands(sketch.hashvalues.astype(np.uint32)[None], chosen)
    assert (sign(pa.array([text]), chosen, seed=1).keys == expected).all()


def test_a_description_tells_what_would_change_a_key() -> None:
    one = description(DEFAULT, seed=1)
    assert json.loads(json.dumps(one)) == one
    assert one == description(DEFAULT, seed=1)
    others = [
        description(DEFAULT, seed=2),
        description(DEFAULT._replace(scheme="legacy"), seed=1),
        description(DEFAULT._replace(ngram_size=4), seed=1),
    ]
    assert len({other["probe"] for other in [one, *others]}) == 4


@pytest.mark.parametrize("name", PUBLISHED)
def test_all_that_sign_take_the_same_number_of_hashes(name: str) -> None:
    """A sketch may need more than bands do, and permutations differ by their number."""
    chosen = banding(DedupSettings(published=name))
    words = split_words(TEXTS)
    found = shingles_of(TEXTS, words, chosen)
    signed = sign(TEXTS, chosen, seed=1)
    assert (signed.keys == shingle_digests(found, chosen, seed=1)).all()
