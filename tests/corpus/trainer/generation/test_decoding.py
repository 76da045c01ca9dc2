"""Sampling is exact and seeded; beam search finds the best there is, and no less than greedy."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.generation.decoding import (  # noqa: E402
    Limits,
    chances,
    draw,
    length_penalty,
    sample,
    score,
    search,
)
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402
from tests.corpus.trainer.known_models import chain  # noqa: E402

SHAPE = ModelShape(num_layers=1, num_heads=2, width=16, context=8)
NEVER = -1


def sharp_model(*, vocab_size=50, seed=1, sharpness=40):
    """A model that is not near chance, so that likeliest tokens stand out."""
    model = GPT(SHAPE, vocab_size, seed=seed)
    with torch.no_grad():
        model.tokens.weight *= sharpness
    return model


def limits(num_tokens=20, eot_id=NEVER, **fields):
    return Limits(eot_id=eot_id, num_tokens=num_tokens, **fields)


def sampled(bounds=None, **settings):
    return sample(sharp_model(), [3, 4], bounds or limits(), **settings).ids


def log_probability(model, prompt, tokens):
    """By a pass over everything for each token."""
    ids, total = list(prompt), 0.0
    for token in tokens:
        with torch.no_grad():
            logits = model.logits(torch.tensor([ids[-model.shape.context :]]))[0]
        total += float(logits.double().log_softmax(0)[token])
        ids.append(token)
    return total


# Sampling


def test_the_same_seed_gives_the_same_ids_and_another_seed_others():
    assert sampled(seed=1) == sampled(seed=1) != sampled(seed=2)
    assert len(sampled()) == 20


@pytest.mark.parametrize("num_prompt", [1, 5, 8, 11])
@pytest.mark.parametrize("settings", [dict(temperature=0), dict(seed=5), dict(seed=6, top_p=0.9)])
def test_ids_are_the_same_with_and_without_a_cache_up_to_the_window_and_beyond(
    num_prompt, settings
):
    model, prompt = sharp_model(), list(range(num_prompt))
    kept, anew = (
        sample(model, prompt, limits(), cached=cached, **settings) for cached in (True, False)
    )
    assert kept.ids == anew.ids
    assert kept.log_probability == pytest.approx(anew.log_probability, abs=1e-4)


def test_temperature_zero_and_top_one_and_the_smallest_nucleus_take_the_likeliest_token():
    model, ids = sharp_model(), [3, 4]
    for _ in range(20):
        with torch.no_grad():
            ids.append(int(model.logits(torch.tensor([ids[-8:]])).argmax()))
    likeliest = tuple(ids[2:])
    assert sampled(temperature=0) == sampled(top_k=1) == sampled(top_p=1e-9) == likeliest


def test_the_shares_of_tokens_are_those_of_the_softmax():
    logits = torch.tensor([0.0, 1.0, 2.0, 3.0]).log()
    assert chances(logits, temperature=1).tolist() == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6])
    assert chances(logits, temperature=0.5).tolist() == pytest.approx([0, 1 / 14, 4 / 14, 9 / 14])


def test_top_k_keeps_so_many_tokens_and_of_equals_the_first():
    logits = torch.tensor([1.0, 4.0, 1.0, 4.0, 2.0]).log()
    assert chances(logits, temperature=1, top_k=2).nonzero().flatten().tolist() == [1, 3]
    assert chances(logits, temperature=1, top_k=4).nonzero().flatten().tolist() == [0, 1, 3, 4]
    assert chances(logits, temperature=1, top_k=9).count_nonzero() == 5


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [
        (0.3, [1]), (0.49, [1]), (0.51, [1, 2]), (0.79, [1, 2]), (0.81, [1, 2, 3]),
        (1.0, [0, 1, 2, 3]),
    ],
)  # fmt: skip
def test_the_nucleus_is_the_fewest_tokens_of_at_least_the_share(top_p, kept):
    logits = torch.tensor([0.05, 0.5, 0.3, 0.15]).log()
    assert chances(logits, temperature=1, top_p=top_p).nonzero().flatten().tolist() == kept


def test_the_nucleus_is_taken_of_what_top_k_left():
    logits = torch.tensor([0.05, 0.5, 0.3, 0.15]).log()  # 0.5 of the first two is 0.625
    assert chances(logits, temperature=1, top_k=2, top_p=0.62).count_nonzero() == 1
    assert chances(logits, temperature=1, top_k=2, top_p=0.63).count_nonzero() == 2


def test_numbers_spread_evenly_draw_each_token_by_its_share():
    shares = torch.tensor([0.0, 0.125, 0.0, 0.25, 0.125, 0.0], dtype=torch.float64)  # of 0.5
    drawn = Counter(draw(shares, i / 1000) for i in range(1000))
    assert drawn == {1: 250, 3: 500, 4: 250}
    assert draw(shares, math.nextafter(1, 0)) == 4


def test_what_is_drawn_over_many_seeds_follows_the_model():
    model = chain({0: {1: 0.7, 2: 0.2, 3: 0.1}}, 4)
    drawn = Counter(
        sample(model, [0], limits(1), seed=seed).ids[0] for seed in range(2000)
    )
    for token, share in {1: 0.7, 2: 0.2, 3: 0.1}.items():
        assert drawn[token] / 2000 == pytest.approx(share, abs=4 * math.sqrt(0.25 / 2000))


def test_the_log_probability_is_the_models_own_whatever_the_temperature():
    model = sharp_model()
    for settings in (dict(temperature=0), dict(temperature=2.0, seed=3), dict(top_k=3, seed=4)):
        found = sample(model, [3, 4], limits(12), **settings)
        assert found.log_probability == pytest.approx(
            log_probability(model, [3, 4], found.ids), abs=1e-4
        )


def test_end_of_text_ends_a_sample_is_left_out_and_counted():
    ids = sampled(temperature=0)
    stop = ids[5]
    model = sharp_model()
    found = sample(model, [3, 4], limits(eot_id=stop), temperature=0)
    first = ids.index(stop)
    assert (found.ids, found.ending, found.length) == (ids[:first], "end_of_text", first + 1)
    assert found.log_probability == pytest.approx(
        log_probability(model, [3, 4], ids[: first + 1]), abs=1e-4
    )


def test_a_sample_does_not_end_before_its_fewest_tokens():
    stop = sampled(temperature=0)[0]
    assert sampled(limits(eot_id=stop), temperature=0) == ()
    ids = sampled(limits(eot_id=stop, min_tokens=7), temperature=0)
    assert len(ids) >= 7
    assert stop not in ids


def test_a_stop_ends_a_sample_and_is_kept():
    ids = sampled(temperature=0)
    found = sample(
        sharp_model(), [3, 4], limits(stops=lambda ids: len(ids) == 4), temperature=0
    )
    assert (found.ids, found.ending, found.length) == (ids[:4], "stop", 4)


# Beam search


def all_continuations(vocab_size, eot_id, num_tokens):
    """Every sequence of tokens that ends with its first end-of-text, or at num_tokens."""
    for length in range(1, num_tokens + 1):
        for tokens in itertools.product(range(vocab_size), repeat=length):
            ends = tokens[-1] == eot_id or length == num_tokens
            if ends and eot_id not in tokens[:-1]:
                yield tokens


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_beam_as_wide_as_all_sequences_finds_the_best_of_them_all(alpha, seed):
    model = sharp_model(vocab_size=4, seed=seed, sharpness=15)
    found = search(model, [1, 2], limits(4, eot_id=3), width=4**4, alpha=alpha)
    totals = {
        tokens: log_probability(model, [1, 2], tokens) for tokens in all_continuations(4, 3, 4)
    }
    best = max(totals, key=lambda t: totals[t] / ((5 + len(t)) / 6) ** alpha)
    chosen = (*found.ids, 3) if found.ending == "end_of_text" else found.ids
    assert chosen == best
    assert found.log_probability == pytest.approx(totals[best], abs=1e-4)


def test_a_beam_finds_what_greedy_misses():
    #  0 -> 1 (0.6) -> 1 or 2, evenly;  0 -> 3 (0.4) -> 3 (1.0)
    model = chain({0: {1: 0.6, 3: 0.4}, 1: {1: 0.5, 2: 0.5}, 3: {3: 1.0}}, 5)
    assert search(model, [0], limits(2), width=1).ids == (1, 1)
    found = search(model, [0], limits(2), width=2)
    assert found.ids == (3, 3)
    assert found.log_probability == pytest.approx(math.log(0.4), abs=1e-5)


def test_the_greedy_continuation_is_not_lost_where_a_beam_leaves_it():
    # Greedy: 1, 2, 2, 2 with 0.4 * 0.3. At the second step the two of 3 are likelier, 0.35 * 0.5
    # each, and fall to 1/7 of it with each step after.
    model = chain(
        {0: {1: 0.4, 3: 0.35, 6: 0.25}, 1: {2: 0.3, 4: 0.24, 5: 0.24, 6: 0.22}, 2: {2: 1.0},
         3: {4: 0.5, 5: 0.5}},
        7,
    )  # fmt: skip
    found = search(model, [0], limits(4), width=2, alpha=0)
    assert found.ids == (1, 2, 2, 2)
    assert found.log_probability == pytest.approx(math.log(0.4 * 0.3), abs=1e-5)


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_a_beam_is_never_below_greedy(width, alpha):
    better = 0
    for seed in range(8):
        model = sharp_model(vocab_size=12, seed=seed, sharpness=12)
        bounds = limits(10, eot_id=0)
        greedy = sample(model, [3, 4], bounds, temperature=0)
        found = search(model, [3, 4], bounds, width=width, alpha=alpha)
        assert score(found, alpha) >= score(greedy, alpha) - 1e-5
        better += score(found, alpha) > score(greedy, alpha) + 1e-5
    assert (better > 0) == (width > 1)


def test_a_beam_is_the_same_with_and_without_a_cache_beyond_the_window():
    model = sharp_model(vocab_size=12, sharpness=12)
    kept, anew = (
        search(model, [3, 4, 5], limits(12, eot_id=0), width=3, alpha=2, cached=cached)
        for cached in (True, False)
    )
    assert (kept.ids, kept.ending) == (anew.ids, anew.ending)
    assert len(kept.ids) > 5


def test_the_length_penalty_is_gnmts_and_favours_long_texts():
    assert length_penalty(1, 0.6) == length_penalty(50, 0) == 1
    assert length_penalty(7, 0.6) == 2**0.6
    # End at once (0.5, one token), or two sure tokens after 0.45.
    model = chain({0: {4: 0.5, 1: 0.45, 2: 0.05}, 1: {1: 1.0}}, 5)
    bounds = limits(3, eot_id=4)
    short = search(model, [0], bounds, width=2, alpha=0)
    long = search(model, [0], bounds, width=2, alpha=0.6)
    assert (short.ids, short.ending) == ((), "end_of_text")
    assert (long.ids, long.ending) == ((1, 1, 1), "length")


def test_a_beam_ends_at_a_stop_which_counts_as_one_more_end():
    model = chain({0: {1: 0.6, 3: 0.4}, 1: {1: 0.5, 2: 0.5}, 3: {3: 1.0}}, 5)
    bounds = limits(5, stops=lambda ids: list(ids[-2:]) == [3, 3])
    found = search(model, [0], bounds, width=2, alpha=0)
    assert (found.ids, found.ending) == ((3, 3), "stop")


def test_a_beam_does_not_end_before_its_fewest_tokens():
    model = chain({0: {4: 0.9, 1: 0.1}, 1: {4: 0.9, 1: 0.1}}, 5)
    found = search(model, [0], limits(9, eot_id=4, min_tokens=3), width=2)
    assert (found.ids, found.ending) == ((1, 1, 1), "end_of_text")
    assert found.log_probability == pytest.approx(math.log(0.1**3 * 0.9), abs=1e-4)
