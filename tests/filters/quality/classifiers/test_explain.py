"""The parts of an explanation: counts, order and collisions."""

from filters.quality.classifiers.explain import Explanation, Part, explain_parts

PLACES = {"a": 1, "b": 2, "c": 1, "d": None, "e": None}


def parts(*words):
    values = {"a": 0.5, "b": -2.0, "c": 0.5, "d": 1.0, "e": 0.0}
    return explain_parts(words, values.__getitem__, PLACES.__getitem__)


def test_the_largest_contribution_comes_first_and_equals_by_the_alphabet():
    found = parts("c", "a", "b", "d")
    assert [(part.word, part.contribution) for part in found] == [
        ("b", -2.0), ("d", 1.0), ("a", 0.5), ("c", 0.5),
    ]  # fmt: skip


def test_a_word_counts_each_time():
    assert parts("b", "d", "d", "d")[0] == Part(word="d", count=3, contribution=3.0)


def test_words_of_one_place_name_each_other_and_those_without_a_place_nobody():
    shared = {part.word: part.shares_with for part in parts("a", "b", "c", "a", "d", "e")}
    assert shared == {"a": ("c",), "b": (), "c": ("a",), "d": (), "e": ()}


def test_plain_values_leave_out_what_adds_nothing():
    found = Explanation(score=0.5, intercept=0.1, parts=parts("e", "b", "d")).to_json(9)
    assert [word["word"] for word in found["for"]] == ["d"]
    assert [word["word"] for word in found["against"]] == ["b"]
    assert (found["score"], found["intercept"], found["num_words"]) == (0.5, 0.1, 3)
