"""What a run says of its plants: counted by hand, and by a stage that is broken on purpose."""

from __future__ import annotations

import json
import random

import numpy as np
import pyarrow as pa
import pytest

from corpus.identity import doc_id_of_place
from filters.dedup import PUBLISHED, Banding
from filters.dedup.bands import detection_probability, shingle_digests
from filters.dedup.plants import KINDS, plant
from filters.dedup.selftest import (
    Bin,
    Outcome,
    SelfTest,
    Tally,
    judge,
    plain_shingles,
    plain_similarity,
    tally,
)
from filters.dedup.shingles import feature_shingles, shingle_sets, shingles
from filters.dedup.verify import jaccard

USUAL = Banding(5, 0.8, 20, 5)
EVEN = Banding(5, 0.5, 1, 1)  # one hash: the chance of a pair is its similarity


def said(kind: str, similarity: float, answer: str) -> Outcome:
    """answer: "missed" for not proposed, "compared" for not proved, or "removed"."""
    return Outcome(
        kind=kind,
        similarity=similarity,
        jaccard=similarity,
        is_proposed=answer != "missed",
        is_proved=answer == "removed",
    )


BY_HAND = [
    said("recased", 1.0, "removed"),
    said("recased", 1.0, "removed"),
    said("edited_2", 0.5, "removed"),  # at the threshold
    said("edited_2", 0.75, "removed"),
    said("edited_2", 0.75, "missed"),
    said("edited_2", 0.9, "missed"),
    said("edited_2", 0.49, "removed"),  # wrong
    said("distant", 0.12, "compared"),
    said("distant", 0.0, "missed"),
]


def test_counts_and_recall_as_by_hand():
    found = judge(BY_HAND, EVEN)
    assert [row.kind for row in found.kinds] == ["recased", "edited_2", "distant"]
    edited = found.kinds[1]
    assert edited == Tally(
        kind="edited_2",
        num_planted=5,
        mean_similarity=pytest.approx((0.5 + 0.75 + 0.75 + 0.9 + 0.49) / 5),
        num_due=4,
        num_found=2,
        num_unproved=0,
        recall=0.5,
        # (2 + z^2 / 2) / (4 + z^2) -+ z / (4 + z^2) sqrt(2 * 0.5 + z^2 / 4), z^2 = 3.8415
        interval=(pytest.approx(0.150, abs=5e-4), pytest.approx(0.850, abs=5e-4)),
        expected_recall=pytest.approx((0.5 + 0.75 + 0.75 + 0.9) / 4),
        num_not_due=1,
        num_false=1,
    )
    assert found.kinds[2].recall is None
    assert found.kinds[2].expected_recall is None
    assert (found.kinds[2].num_not_due, found.kinds[2].num_false) == (2, 0)
    total = found.total
    assert (total.kind, total.num_planted, total.num_due, total.num_found) == ("all", 9, 6, 4)
    assert total.recall == 4 / 6
    assert total.expected_recall == pytest.approx((1 + 1 + 0.5 + 0.75 + 0.75 + 0.9) / 6)


def test_an_interval_is_wilsons():
    rows = [said("recased", 1.0, "removed" if i < 8 else "missed") for i in range(10)]
    low, high = tally("recased", rows, EVEN).interval
    # (8 + 1.92073) / 13.84146 = 0.71674; 1.95996 / 13.84146 * sqrt(8 * 0.2 + 0.96036) = 0.22658
    assert low == pytest.approx(0.71674 - 0.22658, abs=1e-5)
    assert high == pytest.approx(0.71674 + 0.22658, abs=1e-5)


def test_bins_count_what_was_proposed_whether_due_or_not():
    found = judge(BY_HAND, EVEN).bins
    shares = [(row.low, row.num_planted, row.num_proposed, row.share) for row in found]
    assert shares == [
        (0.0, 1, 0, 0.0),
        (0.1, 1, 1, 1.0),
        (0.45, 1, 1, 1.0),
        (0.5, 1, 1, 1.0),
        (0.75, 2, 1, 0.5),
        (0.9, 1, 0, 0.0),
        (0.95, 2, 2, 1.0),  # 1 is in the last
    ]
    assert found[4] == Bin(
        low=0.75,
        high=0.8,
        num_planted=2,
        num_proposed=1,
        share=0.5,
        interval=(pytest.approx(0.0945, abs=1e-4), pytest.approx(0.9055, abs=1e-4)),
        expected=pytest.approx(0.75),
    )


def test_each_similarity_lies_in_its_bin():
    for shared in range(201):
        row = judge([said("distant", shared / 200, "missed")], EVEN).bins[0]
        assert row.low <= shared / 200 < row.high or shared == 200


@pytest.mark.parametrize("name", ["gpt3", "fineweb", "mt_nlg"])
def test_what_is_promised_is_the_mean_chance_of_the_plants_due(name):
    published = PUBLISHED[name]
    similarities = np.linspace(0.6, 1, 41)
    found = judge([said("truncated", s, "removed") for s in similarities.tolist()], published)
    due = similarities[similarities >= published.threshold]
    chances = detection_probability(due, num_bands=published.num_bands, num_rows=published.num_rows)
    assert found.total.expected_recall == pytest.approx(chances.mean())
    assert found.total.num_due == len(due)


def test_the_bands_see_jaccard_where_the_threshold_is_of_containment():
    row = Outcome(kind="embedded", similarity=1.0, jaccard=0.6, is_proposed=True, is_proved=True)
    found = judge([row], EVEN)
    assert (found.total.num_due, found.total.expected_recall) == (1, 0.6)
    assert found.bins[0].low == 0.6


def test_no_plants_prove_nothing():
    for outcomes in ([], [said("distant", 0.1, "missed")] * 5):
        found = judge(outcomes, EVEN)
        assert (found.total.recall, found.total.interval) == (None, (0.0, 1.0))
        assert "nothing is known of recall" in found.faults[0]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind of plant is 'all', expected one of rewrapped"):
        judge([said("all", 1, "removed")], EVEN)


def original(number: int) -> str:
    rng = random.Random(number)
    return " ".join(f"w{rng.randrange(900)}" for _ in range(rng.randrange(80, 300)))


# What a stage says of a pair that its bands propose or not, and that is due or not.
STAGES = {
    "sound": lambda proposed, due: (proposed, proposed and due),
    "finds nothing": lambda proposed, due: (False, False),
    "removes everything": lambda proposed, due: (True, True),
    "trusts its bands": lambda proposed, due: (proposed, proposed),
    "proves nothing": lambda proposed, due: (proposed, False),
}


def run_of(chosen: Banding, stage: str, *, num_originals: int = 20) -> SelfTest:
    """The stage in memory over plants of every kind."""
    outcomes = []
    for number in range(num_originals):
        text = original(number)
        for kind in KINDS:
            copy = plant(doc_id_of_place("test", "f", number), text, kind, seed=1).text
            found = shingles(pa.array([text, copy]), ngram_size=chosen.ngram_size)
            keys = shingle_digests(found, chosen, seed=1)
            similarity = jaccard(shingle_sets(found), np.array([0]), np.array([1]))[0]
            truth = plain_similarity(text, copy, ngram_size=chosen.ngram_size)
            proposed, proved = STAGES[stage](
                bool((keys[0] == keys[1]).any()), bool(similarity >= chosen.threshold)
            )
            outcomes.append(
                Outcome(
                    kind=kind,
                    similarity=truth,
                    jaccard=truth,
                    is_proposed=proposed,
                    is_proved=proved,
                )
            )
    return judge(outcomes, chosen)


def test_a_sound_run_has_no_fault():
    found = run_of(USUAL, "sound")
    assert found.faults == ()
    assert found.total.recall == 1
    assert found.total.num_due > 80
    assert found.total.num_not_due > 80


def test_a_run_with_few_bands_misses_what_they_promise_to_miss():
    few = Banding(5, 0.6, 3, 6)
    found = run_of(few, "sound", num_originals=60)
    assert found.faults == ()
    assert 0.7 < found.total.recall < 0.98
    assert found.total.recall == pytest.approx(found.total.expected_recall, abs=0.05)
    outside = [row for row in found.bins if not row.interval[0] <= row.expected <= row.interval[1]]
    assert len(found.bins) > 12
    assert len(outside) <= 2  # of twenty, one may lie outside by chance


def test_a_run_that_finds_nothing_has_no_recall():
    found = run_of(USUAL, "finds nothing")
    assert (found.total.recall, found.total.num_false) == (0, 0)
    (fault,) = found.faults
    assert fault.startswith("Recall is 0.0000 and at most 0.0")
    assert fault.endswith("the bands promise 1.0000.")


def test_a_run_that_removes_everything_has_false_removals():
    for stage in ("removes everything", "trusts its bands"):
        found = run_of(USUAL, stage)
        assert found.total.recall == 1
        number = found.total.num_false
        assert 0 < number <= found.total.num_not_due
        assert (number == found.total.num_not_due) == (stage == "removes everything")
        assert found.faults == (f"Taken for duplicates though not due: {number}.",)


def test_a_proof_that_refuses_is_told_from_bands_that_miss():
    found = run_of(USUAL, "proves nothing")
    assert found.total.recall == 0
    assert found.total.num_unproved == found.total.num_due
    assert found.faults[1] == f"Compared and not proved though due: {found.total.num_due}."


def test_json_is_plain():
    found = judge(BY_HAND, EVEN).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == [
        "threshold", "num_bands", "num_rows", "kinds", "total", "bins", "faults",
    ]  # fmt: skip
    assert found["kinds"][2]["recall"] is None
    assert found["total"]["num_found"] == 4
    assert json.dumps(judge([], EVEN).to_json(), allow_nan=False)


def test_the_table_is_aligned_and_says_what_is_wrong():
    lines = judge(BY_HAND, EVEN).lines()
    assert lines == [
        "Due: similarity of 0.5 and more. Promised: 1 - (1 - s^1)^1 at each one's s.",
        "kind      planted  similar  due  found  recall   95 % interval  promised  not due  false",
        "recased         2    1.000    2      2  1.0000  0.3424..1.0000    1.0000        0      0",
        "edited_2        5    0.678    4      2  0.5000  0.1500..0.8500    0.7250        1      1",
        "distant         2    0.060    0      0       -               -         -        2      0",
        "all             9    0.612    6      4  0.6667  0.3000..0.9032    0.8167        3      1",
        "Taken for duplicates though not due: 1.",
    ]
    sound = run_of(USUAL, "sound", num_originals=5).lines()
    assert len(sound) == len(KINDS) + 4
    assert sound[-1] == "The stage found what its bands promise, and nothing else."


def test_similarity_as_by_hand():
    # {a b, b c, c d} and {b c, c d, d e, e f}: 2 of 5, and 2 of the smaller 3
    pair = ("A b, C d", "b c d e f")
    assert plain_similarity(*pair, ngram_size=2) == 2 / 5
    assert plain_similarity(*pair, ngram_size=2, measure="containment") == 2 / 3
    assert plain_similarity(*pair[::-1], ngram_size=2, measure="containment") == 2 / 3
    assert plain_shingles("a b a b", ngram_size=2) == {("a", "b"), ("b", "a")}


def test_a_short_text_is_one_shingle_and_one_without_words_like_none():
    assert plain_similarity("One two", "one, two!", ngram_size=5) == 1
    assert plain_similarity("one two", "one two three", ngram_size=5) == 0
    assert plain_shingles("one", ngram_size=5) == {("one",)}
    for measure in ("jaccard", "containment"):
        assert plain_similarity("", "...", ngram_size=5, measure=measure) == 0
        assert plain_similarity("", "one", ngram_size=1, measure=measure) == 0


@pytest.mark.parametrize("ngram_size", [1, 2, 5, 13])
def test_plain_similarity_agrees_with_the_kernels(ngram_size):
    text = original(3) + " 用Git命令 हिन्दी Straße"
    for kind in KINDS:
        copy = plant(doc_id_of_place("test", "f", 0), text, kind, seed=1).text
        sets = shingle_sets(shingles(pa.array([text, copy]), ngram_size=ngram_size))
        expected = jaccard(sets, np.array([0]), np.array([1]))[0]
        assert plain_similarity(text, copy, ngram_size=ngram_size) == expected


def test_words_are_their_places_where_the_stage_hashes_them():
    text, copy = original(3), original(4)
    assert len(plain_shingles(text, ngram_size=1, num_features=8)) == 8
    for num_features in (64, 1 << 18):
        sets = shingle_sets(feature_shingles(pa.array([text, copy]), num_features=num_features))
        expected = jaccard(sets, np.array([0]), np.array([1]))[0]
        plain = plain_similarity(text, copy, ngram_size=1, num_features=num_features)
        assert plain == expected > 0
    assert plain_similarity("", text, ngram_size=1, num_features=64) == 0
