"""fastText's hash: published values, and the kernel against its readable twin."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from filters.fasttext_hash import BASIS, fnv1a, hash_on


@njit
def compiled(token):
    h = BASIS
    for byte in token:
        h = hash_on(h, byte)
    return h


def test_ascii_has_the_published_values():
    assert fnv1a(b"") == 2166136261
    assert fnv1a(b"a") == 0xE40C292C
    assert fnv1a(b"foobar") == 0xBF9CF968


def test_a_byte_above_ascii_is_a_negative_number():
    assert fnv1a(b"\xe9") == ((2166136261 ^ 0xFFFFFFE9) * 16777619) % 2**32


@given(st.binary(max_size=40))
def test_the_kernel_is_its_twin(token):
    assert int(compiled(np.frombuffer(token, np.uint8))) == fnv1a(token)
