"""murmur3 against scikit-learn's, and its places against HashingVectorizer's rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from corpus.simd import BLOCK
from corpus.words import normalise, word_table
from filters.quality.classifiers.features import runs
from filters.quality.classifiers.hashing import hash_document, place_of, scratch

TEXT = st.text() | st.text(alphabet="aB9é中 -", max_size=200)


def hashes(text, ngrams=1):
    data = np.frombuffer(text.encode() + bytes(BLOCK), np.uint8)
    room = scratch(len(data), ngrams)
    number = hash_document(data, 0, len(data) - BLOCK, *word_table(), ngrams, *room)
    return room.hashes[:number].astype(np.int32).tolist()


def twin_murmur3(data):
    """MurmurHash3_x86_32 with seed 0, as Appleby's reference has it."""
    h, mask = 0, 0xFFFFFFFF
    blocks = [data[i : i + 4] for i in range(0, len(data), 4)]
    for block in blocks:
        k = int.from_bytes(block, "little") * 0xCC9E2D51 & mask
        k = (k << 15 | k >> 17) & mask
        h ^= k * 0x1B873593 & mask
        if len(block) == 4:
            h = ((h << 13 | h >> 19) & mask) * 5 + 0xE6546B64 & mask
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & mask
    h = (h ^ h >> 13) * 0xC2B2AE35 & mask
    return h ^ h >> 16


@pytest.mark.parametrize("length", range(1, 40))
def test_words_of_each_length_have_the_reference_hash(length):
    word = "abcdefghijklmnopqrstuvwxyz0123456789abcd"[:length]
    expected = twin_murmur3(word.encode())
    assert [h % 2**32 for h in hashes(word)] == [expected]
    assert murmurhash3_32(word, positive=True) == expected


@given(TEXT, st.integers(1, 4))
def test_words_and_their_runs_have_scikit_learns_hash(text, ngrams):
    expected = [murmurhash3_32(run) for run in runs(normalise(text).split(), ngrams)]
    assert hashes(text, ngrams) == expected


@pytest.mark.parametrize("num_places", [2, 7, 1000, 2**18, 2**31 - 1])
@pytest.mark.parametrize("h", [0, 1, -1, 2**31 - 1, -(2**31), -(2**31) + 1, 123456789])
def test_a_place_is_the_magnitude_modulo_the_number_of_places(h, num_places):
    assert place_of(np.uint32(h % 2**32), np.uint32(num_places)) == abs(h) % num_places


def test_the_smallest_hash_has_scikit_learns_place():
    # _hashing_fast.pyx takes this case apart: (2147483647 - (n_features - 1)) % n_features.
    for num_places in (7, 1000, 2**18):
        expected = (2147483647 - (num_places - 1)) % num_places
        assert place_of(np.uint32(2**31), np.uint32(num_places)) == expected
