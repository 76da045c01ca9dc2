"""What other tools get wrong in deduplication, each as a test that this one must pass.

What needs a run of the stage is held elsewhere:
- rerun after a crash, when keys of finished parts are missing (dolma): tests/test_pipeline.py kills
  the stage in several steps, and compares bytes;
- the number of tasks must be that of the stage before (datatrove), row ids that change between
  computations (text-dedup), survivors that depend on scheduling (dolma): test_dedup.py, parts;
- signatures cut short by a full disk, read in silence (datatrove): test_dedup.py, damage;
- signatures of other permutations taken for equal (RedPajama logs a checksum, and checks none), the
  older document that matched is not told, a sentinel became a root (datatrove): test_dedup.py,
  older corpora.
"""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from corpus.words import split_words
from filters.dedup import PUBLISHED, DedupSettings
from filters.dedup.bands import banding, detection_probability, optimal_bands
from filters.dedup.buckets import candidate_pairs
from filters.dedup.decide import decide
from filters.dedup.signing import sign
from filters.dedup.spans import character_spans, find_repeats

RNG = random.Random(11)


def words(num: int, name: str = "w") -> list[str]:
    return [f"{name}{RNG.randrange(10**6)}" for _ in range(num)]


def kept(texts: list[str], **settings: object) -> list[int]:
    return decide(pa.array(texts, pa.large_string()), DedupSettings(**settings), seed=1).tolist()


def test_one_shared_band_is_no_duplicate():
    """data-juicer makes a band of each single hash and deletes on one: 0.65 of pairs at 0.1."""
    chosen = PUBLISHED["gpt3"]
    bands = {"num_bands": chosen.num_bands, "num_rows": chosen.num_rows}
    assert detection_probability(np.array([0.1]), **bands)[0] > 0.65
    common = words(30)
    texts = [" ".join(common + words(120)) for _ in range(60)]  # of each pair 30 of 270: 0.11
    assert kept(texts, published="gpt3") == list(range(60))


def test_a_chain_of_near_copies_does_not_delete_its_far_end():
    """Transitive closure has made a cluster of 859,091 texts, and merged 51,160 books."""
    page = words(400)
    texts = []
    for _ in range(40):  # each has 4 % of other words than the one before: the ends share nothing
        texts.append(" ".join(page))
        for place in RNG.sample(range(400), 5):
            page[place] = words(1)[0]
    found = kept(texts)
    sets = [{tuple(t.split()[i : i + 5]) for i in range(396)} for t in texts]
    for text, its_kept in enumerate(found):
        both = sets[text], sets[its_kept]
        assert len(both[0] & both[1]) / len(both[0] | both[1]) >= 0.8
    assert len(set(found)) > 10


@pytest.mark.parametrize("num_words", [1, 2, 3, 4])
def test_short_texts_are_deduplicated_and_kept(num_words: int):
    """datatrove signs no text shorter than its n-grams; BigCode drops it; dolma skips all texts."""
    short = " ".join(words(num_words))
    assert kept([short, short.upper(), short + " more", "other"]) == [0, 0, 2, 3]


def test_a_bucket_of_a_hundred_thousand_is_not_squared():
    """text-dedup joins a bucket with itself: five thousand million pairs here."""
    keys = np.tile(np.arange(20), (100_000, 1))
    found = candidate_pairs(keys, np.arange(100_000), max_bucket=32)
    assert len(found.left) == 99_999


def test_words_at_line_ends_are_not_glued_together():
    """datatrove's classifier filter glues them, so that a re-wrapped copy is another text."""
    text = words(80)
    assert kept(["\r\n".join(text), "\n".join(text), " ".join(text)]) == [0, 0, 0]


def test_the_kept_copy_is_the_best_and_not_the_first():
    """openwebtext2 and datasketch's index keep what came first, NeMo Curator any."""
    text = " ".join(words(200))
    longer = text + " and a last line"
    assert kept([text, longer, text.title()]) == [1, 1, 1]
    assert kept([longer, text.title(), text]) == [0, 0, 0]


def test_places_are_characters_of_the_text_whatever_its_bytes():
    """dolma compares characters with bytes: its last span may reach beyond the text."""
    passage = " ".join(f"Ünïcödé{n}" for n in range(60))
    texts = pa.array([f"é {passage} ç", f"日本語 {passage}。"], pa.large_string())
    order = np.array([[0, 0, 0, 0], [0, 0, 0, 1]], np.uint64)
    offsets, starts, ends = find_repeats(texts, order, span=50)
    begin, end = character_spans(texts, split_words(texts), offsets, starts, ends)
    assert offsets.tolist() == [0, 0, 1]
    assert texts[1].as_py()[begin[0] : end[0]] == passage


def test_signatures_depend_on_the_seed_and_on_nothing_of_the_process():
    """RedPajama's need PYTHONHASHSEED to be fixed; Curator's filter seeds one process of many."""
    texts = pa.array([" ".join(f"word{i}" for i in range(50))], pa.large_string())
    signed = sign(texts, banding(DedupSettings()), seed=3)
    assert int(signed.keys[0, 0]) == -7085736764241838138
    assert signed.digests[0].tolist() == [13962811608550581856, 4178294174514982474]


@pytest.mark.parametrize("weight", [0.1, 0.2, 0.3, 0.7, 0.9])
def test_weights_need_not_add_up_to_one_to_the_last_bit(weight: float):
    """datasketch's MinHashLSH compares their sum with 1.0."""
    num_bands, num_rows = optimal_bands(0.8, 128, weight)
    assert 0 < num_bands * num_rows <= 128


def test_a_text_of_a_million_words_is_one_text():
    """Spark jobs ran out of memory where long documents were grouped (text-dedup, dps)."""
    long = " ".join(f"w{i}" for i in range(1_000_000))
    assert kept([long, long.upper(), "short"]) == [0, 0, 2]
