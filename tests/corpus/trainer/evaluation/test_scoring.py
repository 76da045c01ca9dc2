"""Log-likelihoods are those worked out by hand, in any batch and over windows."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from corpus.errors import InputError  # noqa: E402
from corpus.tokenizer.bytelevel import byte_characters  # noqa: E402
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary  # noqa: E402
from corpus.trainer.evaluation.scoring import (  # noqa: E402
    Request,
    Window,
    bits_per_byte,
    encode_pair,
    encode_pairs,
    encode_whole,
    perplexity,
    score,
    score_texts,
    windows,
)
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402
from tests.corpus.trainer.known_models import Table, chain  # noqa: E402

SHAPE = ModelShape(num_layers=2, num_heads=2, width=16, context=8)


@pytest.fixture(scope="module")
def model():
    model = GPT(SHAPE, 50, seed=1)
    with torch.no_grad():
        model.tokens.weight *= 20
    return model


@pytest.fixture(scope="module")
def vocabulary():
    """Bytes and three merges: "ab", " a" and " ab"."""
    letters = sorted(byte_characters().values())
    space = byte_characters()[ord(" ")]
    merges = (("a", "b"), (space, "ab"), (space, "a"))
    tokens = (*letters, "ab", f"{space}ab", f"{space}a", END_OF_TEXT)
    return Vocabulary(tokens, merges)


def request(context, continuation):
    return Request(context=tuple(context), continuation=tuple(continuation))


def by_hand(model, context, continuation):
    """Each token by a pass of its own, within the window."""
    found = []
    for number, token in enumerate(continuation):
        ids = [*context, *continuation[:number]]
        with torch.no_grad():
            logits = model.logits(torch.tensor([ids]))[0].double()
        found.append(float(logits.log_softmax(0)[token]))
    return found


# Likelihoods


def test_known_chances_give_their_logarithms():
    model = chain({0: {1: 0.25, 2: 0.75}, 1: {1: 0.5, 3: 0.5}, 2: {2: 1.0}}, 4)
    first, second = score(model, [request([0], [1, 3]), request([3, 0], [2, 2, 2])])
    assert first.token_log_probabilities == pytest.approx([math.log(0.25), math.log(0.5)])
    assert first.log_likelihood == pytest.approx(math.log(0.125))
    assert (first.num_tokens, first.is_greedy) == (2, False)
    assert second.log_likelihood == pytest.approx(math.log(0.75), abs=1e-5)
    assert (second.num_tokens, second.is_greedy) == (3, True)


def test_a_model_gives_what_a_pass_for_each_token_gives(model):
    pairs = [([1], [2, 3, 4]), ([5, 6, 7], [8]), (list(range(4)), [9, 9, 9, 9])]
    for (context, continuation), found in zip(
        pairs, score(model, [request(*pair) for pair in pairs]), strict=True
    ):
        assert found.token_log_probabilities == pytest.approx(
            by_hand(model, context, continuation), abs=1e-5
        )


@pytest.mark.parametrize("num_sequences", [1, 2, 3, 64])
def test_batches_and_padding_change_nothing(model, num_sequences):
    draw = torch.Generator().manual_seed(5)
    sizes = torch.randint(1, 14, (23, 2), generator=draw).tolist()
    requests = [
        request(*(torch.randint(0, 50, (n,), generator=draw).tolist() for n in pair))
        for pair in sizes
    ]
    alone = [score(model, [one])[0] for one in requests]
    for one, together in zip(
        alone, score(model, requests, num_sequences=num_sequences), strict=True
    ):
        assert together.token_log_probabilities == pytest.approx(
            one.token_log_probabilities, abs=1e-5
        )
        assert together.is_greedy == one.is_greedy


def test_logits_are_taken_by_chunks_of_rows(model, monkeypatch):
    requests = [request([1], range(2, 9))] * 9
    whole = score(model, requests, num_sequences=9)
    monkeypatch.setattr("corpus.trainer.evaluation.scoring.CHUNK_BYTES", {"cpu": 1})
    for ours, theirs in zip(score(model, requests, num_sequences=9), whole, strict=True):
        assert ours.token_log_probabilities == pytest.approx(
            theirs.token_log_probabilities, abs=1e-5
        )


def test_no_requests_have_no_scores(model):
    assert score(model, []) == []


# Windows


def harness_windows(tokens, prefix, most, context_len):
    """lm_eval.utils.get_rolling_token_windows as published, written out anew from its contract."""
    first = tokens[:most]
    yield [prefix, *first[:-1]], first
    done = len(first)
    while done < len(tokens):
        size = min(len(tokens) - done, most - context_len + 1)
        end = done + size
        yield tokens[end - most - 1 : end - 1], tokens[end - size : end]
        done = end


@pytest.mark.parametrize("num_tokens", [1, 7, 8, 9, 15, 16, 17, 40])
@pytest.mark.parametrize("min_context", [1, 3, 8])
def test_a_whole_text_is_cut_as_the_harness_cuts_it(num_tokens, min_context):
    tokens = list(range(100, 100 + num_tokens))
    ids = [0, *tokens]
    ours = [
        (ids[window.start : window.end - 1], ids[window.first : window.end])
        for window in windows(len(ids), 1, 8, min_context=min_context)
    ]
    assert ours == list(harness_windows(tokens, 0, 8, min_context))


def test_a_continuation_that_fits_has_its_context_cut_from_the_left():
    assert list(windows(12, 10, 8)) == [Window(3, 10, 12)]
    assert list(windows(30, 22, 8)) == [Window(21, 22, 30)]
    assert list(windows(9, 3, 8)) == [Window(0, 3, 9)]


@pytest.mark.parametrize("first", [1, 5, 8, 9, 20])
@pytest.mark.parametrize("min_context", [1, 4, 8])
def test_each_token_is_scored_once_with_enough_before_it(first, min_context):
    for num_ids in range(first, 45):
        found = list(windows(num_ids, first, 8, min_context=min_context))
        assert [i for window in found for i in range(window.first, window.end)] == list(
            range(first, num_ids)
        )
        for start, begin, end in found:
            assert 0 <= start < begin < end
            assert end - 1 - start <= 8
            assert begin - start >= min(begin, min_context)


def test_what_was_read_before_a_token_in_its_window_is_what_it_is_scored_by():
    rows = [[0.0, 1.0, 0.0], [0.0, 0.5, 2.0], [1.0, 0.0, 0.0]]
    model = Table(rows, context=4, by_position=True)
    ids = [0, 1, 2, 0, 1, 2]
    [found] = score(model, [request(ids[:1], ids[1:])])
    # ids[0:4] score tokens 1 to 4; then ids[1:5] the last, as the fourth of its window.
    places = [1, 2, 3, 4, 4]
    expected = []
    for at, place in enumerate(places):
        logits = [place * value for value in rows[ids[at]]]
        expected.append(logits[ids[at + 1]] - math.log(sum(math.exp(value) for value in logits)))
    assert found.token_log_probabilities == pytest.approx(expected, abs=1e-5)


def test_windows_with_all_the_context_that_fits_are_a_pass_for_each_token(model):
    ids = [i * 7 % 50 for i in range(20)]
    [found] = score(model, [request(ids[:1], ids[1:])], min_context=8)
    expected = [
        by_hand(model, ids[max(0, at - 8) : at], ids[at : at + 1])[0] for at in range(1, 20)
    ]
    assert found.token_log_probabilities == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("min_context", [0, 9])
def test_a_window_without_room_is_refused(model, min_context):
    with pytest.raises(ValueError, match="min_context"):
        score(model, [request([1], [2])], min_context=min_context)


# The seam


def texts_of(vocabulary, found):
    return tuple(
        [vocabulary.token_bytes[i].decode() for i in ids]
        for ids in (found.context[1:], found.continuation)
    )


def test_white_space_before_the_seam_goes_with_the_word_after_it(vocabulary):
    for context, continuation in (("x", " ab"), ("x ", "ab")):
        found = encode_pair(vocabulary, context, continuation)
        assert texts_of(vocabulary, found) == (["x"], [" ab"])
        assert found.context[0] == vocabulary.eot_id
        assert not found.joined


def test_a_token_over_the_seam_is_scored_and_told_of(vocabulary):
    found = encode_pair(vocabulary, "xa", "bx")
    assert texts_of(vocabulary, found) == (["x"], ["ab", "x"])
    assert found.joined


def test_an_empty_context_is_end_of_text_alone(vocabulary):
    assert encode_pair(vocabulary, "", "ab").context == (vocabulary.eot_id,)
    found = encode_whole(vocabulary, "ab x")
    assert texts_of(vocabulary, found) == ([], ["ab", " ", "x"])


def test_end_of_text_in_a_text_is_ordinary_tokens(vocabulary):
    assert vocabulary.eot_id not in encode_whole(vocabulary, END_OF_TEXT).continuation


def test_pairs_are_encoded_as_each_is_alone(vocabulary):
    pairs = [("x", " ab"), ("x ", "ab"), ("xa", "bx"), ("", "ab"), ("x", "ab"), ("x", " ab")]
    assert encode_pairs(vocabulary, pairs) == [encode_pair(vocabulary, *pair) for pair in pairs]
    assert encode_pairs(vocabulary, []) == []


def test_an_empty_continuation_is_refused(vocabulary):
    with pytest.raises(InputError, match="'the question'"):
        encode_pair(vocabulary, "the question", "")


# Per unit


def test_perplexity_of_even_chances_is_their_number():
    model = chain({}, 4)
    [found] = score(model, [request([0], [1, 2, 3])])
    assert perplexity(found.log_likelihood, found.num_tokens) == pytest.approx(4)
    assert bits_per_byte(found.log_likelihood, 3) == pytest.approx(2)


# Whole texts


def test_texts_have_nats_bytes_and_tokens_of_their_own(vocabulary):
    eot, size = vocabulary.eot_id, vocabulary.size
    ab, space_ab = (vocabulary.encode([text])[0][0] for text in ("ab", " ab"))
    model = chain(
        {eot: {ab: 0.5, eot: 0.5}, ab: {space_ab: 0.25, ab: 0.75},
         space_ab: {space_ab: 0.125, ab: 0.875}}, size,
    )  # fmt: skip
    found = score_texts(model, vocabulary, [("x", "ab ab ab"), ("none", ""), ("y", "ab")])
    assert [(text.text_id, text.num_bytes, text.num_tokens) for text in found] == [
        ("x", 8, 3), ("none", 0, 0), ("y", 2, 1)
    ]  # fmt: skip
    assert found[0].nats == pytest.approx(-math.log(0.5 * 0.25 * 0.125), abs=1e-5)
    assert found[1].nats == 0
    assert found[2].nats == pytest.approx(math.log(2), abs=1e-5)


def test_a_text_beyond_the_context_has_half_of_it_before_each_token(vocabulary):
    rows = [[(7 * i * j) % 5 / 4 for j in range(vocabulary.size)] for i in range(vocabulary.size)]
    model = Table(rows, context=4, by_position=True)
    text = "qwertyuiop"
    [found] = score_texts(model, vocabulary, [("a", text)])
    ids = (vocabulary.eot_id, *vocabulary.encode([text])[0])
    [expected] = score(model, [request(ids[:1], ids[1:])], min_context=2)
    [other] = score(model, [request(ids[:1], ids[1:])], min_context=1)
    assert found.nats == pytest.approx(-expected.log_likelihood)
    assert abs(expected.log_likelihood - other.log_likelihood) > 0.01
    assert len(text) == found.num_tokens


def test_characters_of_several_bytes_count_as_their_bytes(vocabulary):
    [found] = score_texts(chain({}, vocabulary.size), vocabulary, [("a", "é🙂")])
    assert (found.num_bytes, found.num_tokens) == (6, 6)
    assert found.nats == pytest.approx(6 * math.log(vocabulary.size), rel=1e-5)


def test_requests_that_read_the_same_tokens_share_a_pass(model, monkeypatch):
    requests = [request([1, 2, 3], [last]) for last in (4, 5, 6)]
    requests += [request([1, 2], [3, last]) for last in (7, 8)] + [request([9], [4])]
    expected = [by_hand(model, one.context, one.continuation) for one in requests]
    passes = []
    forward = GPT.forward

    def counted(self, ids):
        passes.append(len(ids))
        return forward(self, ids)

    monkeypatch.setattr(GPT, "forward", counted)
    found = score(model, requests, num_sequences=8)
    assert sum(passes) == 2  # [1, 2, 3] and [9]
    for one, values in zip(found, expected, strict=True):
        assert one.token_log_probabilities == pytest.approx(values, abs=1e-5)
