"""Ids are stable, and a document's chance is its own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from corpus.identity import (
    DOC_ID,
    doc_id_of_place,
    doc_id_of_record,
    doc_id_words,
    keyed_hash,
    keyed_uniform,
)

IDS = pa.array([doc_id_of_place("books", "file", number) for number in range(20_000)], DOC_ID)


def test_a_record_id_gives_one_id_with_or_without_brackets():
    plain = doc_id_of_record("urn:uuid:6a1f4a54-9c6a-4f5a-b1bf-2f0d5a1c0b11")
    assert doc_id_of_record(" <urn:uuid:6A1F4A54-9c6a-4f5a-b1bf-2f0d5a1c0b11>") == plain
    assert plain.hex() == "935a9b290fa214d9d43225a24597bf9b"  # a golden value: ids may never change


def test_the_parts_of_a_place_do_not_run_into_each_other():
    assert doc_id_of_place("a", "bc", 1) != doc_id_of_place("ab", "c", 1)


def test_ids_as_numbers_do_not_depend_on_slicing_or_chunks():
    whole = doc_id_words(IDS)
    assert (doc_id_words(IDS[7:9]) == whole[7:9]).all()
    assert (doc_id_words(pa.chunked_array([IDS[:5], IDS[5:9]])) == whole[:9]).all()
    assert doc_id_words(pa.chunked_array([], DOC_ID)).shape == (0, 2)


def test_a_chance_belongs_to_the_document_not_to_its_row():
    shuffled = np.random.default_rng(1).permutation(len(IDS))
    draws = keyed_uniform(IDS, seed=3, stage="mix")
    again = keyed_uniform(IDS.take(pa.array(shuffled)), seed=3, stage="mix")
    assert (again == draws[shuffled]).all()


def test_chances_are_uniform_and_independent_between_seeds_stages_and_copies():
    draws = [
        keyed_uniform(IDS, seed=seed, stage=stage, copy=copy)
        for seed, stage, copy in [(0, "mix", 0), (1, "mix", 0), (0, "quality", 0), (0, "mix", 1)]
    ]
    for number, draw in enumerate(draws):
        counts = np.histogram(draw, bins=20, range=(0, 1))[0]
        chi_squared = ((counts - 1000) ** 2 / 1000).sum()
        assert chi_squared < 43.8  # 19 degrees of freedom, p = 0.001; the keys are fixed
        for other in draws[:number]:
            assert abs(np.corrcoef(draw, other)[0, 1]) < 0.03


def test_hashes_use_all_64_bits():
    hashes = keyed_hash(IDS, seed=0, stage="mix")
    share = np.unpackbits(hashes.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
    assert ((share > 0.48) & (share < 0.52)).all()
