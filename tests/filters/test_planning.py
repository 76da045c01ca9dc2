"""What a run needs of each source, what it takes on disk, and how long the stages are."""

from __future__ import annotations

import pytest

from corpus.errors import ConfigError
from corpus.scaling import EPOCH, KAPLAN
from corpus.trainer.shapes import PRESETS
from filters.mixture import MixSettings, SourceTotal, plan
from filters.planning import (
    Volume,
    by_every_law,
    drawn_once,
    hours,
    most_tokens,
    needs,
    needs_by_weight,
    scaled,
    shard_storage,
    stage_times,
    target,
    warnings,
)

GPT3 = {"crawl": (410, 60), "webtext": (19, 22), "books1": (12, 8), "books2": (55, 8),
        "wiki": (3, 3)}  # fmt: skip
GPT2 = PRESETS["gpt2"]


def gpt3(num_tokens: float, **fields):
    """GPT-3's Table 2.2 at four bytes a token."""
    totals = [
        SourceTotal(source=name, num_documents=10**6, num_bytes=round(4e9 * tokens),
                    num_tokens=round(1e9 * tokens))
        for name, (tokens, _) in GPT3.items()
    ]
    weights = {name: weight for name, (_, weight) in GPT3.items()}
    settings = MixSettings(
        weights=weights, total_tokens=round(num_tokens), over_max_epochs="warn", **fields
    )
    return plan(totals, settings, known_sources=weights)


def test_gpt_3_s_mixture_needs_the_epochs_of_its_table():
    found = needs(gpt3(300e9), max_epochs=4)
    epochs = {need.source: round(need.epochs, 2) for need in found}
    assert epochs == {"books1": 1.98, "books2": 0.43, "crawl": 0.43, "webtext": 3.44, "wiki": 2.97}
    assert [need.missing_tokens for need in found] == [0] * 5
    assert warnings(found, max_epochs=4) == []


def test_a_source_that_is_short_says_how_much_new_text_it_lacks():
    found = {need.source: need for need in needs(gpt3(300e9), max_epochs=3)}
    wanted = 300e9 * 22 / 101
    assert found["webtext"].missing_tokens == pytest.approx(wanted / 3 - 19e9)
    assert found["wiki"].missing_tokens == 0
    (said,) = warnings(found.values(), max_epochs=3)
    assert said.startswith("webtext: 65,346,534,653 tokens would be 3.44 epochs of its 19,000,000")
    assert "2,782,178,218 more tokens of it are missing" in said


def test_the_most_tokens_are_those_at_which_no_source_is_short():
    most = most_tokens(gpt3(300e9), epochs=4)
    assert most == pytest.approx(4 * 19e9 * 101 / 22)
    assert max(p.epochs for p in gpt3(most)) == pytest.approx(4)
    assert max(p.epochs for p in gpt3(1.001 * most)) > 4


def test_a_document_is_encoded_once_for_any_number_of_epochs():
    planned = gpt3(300e9)
    once = {
        "crawl": 300 * 60 / 101,
        "books2": 300 * 8 / 101,
        "webtext": 19,
        "books1": 12,
        "wiki": 3,
    }
    assert drawn_once(planned) == pytest.approx(4e9 * sum(once.values()))


def test_without_counts_the_weights_alone_say_what_is_wanted():
    found = needs_by_weight({"b": 3, "a": 1}, 400)
    assert [(n.source, n.wanted_tokens, n.epochs) for n in found] == [("a", 100, None),
                                                                      ("b", 300, None)]  # fmt: skip
    assert warnings(found, max_epochs=4) == []
    assert needs_by_weight({}, 400) == []


def test_a_sample_is_scaled_by_its_share():
    (whole,) = scaled([SourceTotal(source="a", num_documents=3, num_bytes=70, num_tokens=9)], 0.01)
    assert whole == SourceTotal(source="a", num_documents=300, num_bytes=7000, num_tokens=900)


def test_the_target_follows_from_a_size_a_model_or_a_budget():
    size = target(EPOCH, num_parameters=1e9)
    assert size[:2] == (1e9, EPOCH.tokens_for(1e9))
    assert target(EPOCH, num_parameters=1e9, num_tokens=7)[:2] == (1e9, 7)
    assert target(EPOCH, flops=1e21)[:2] == EPOCH.optimum(1e21)
    assert target(EPOCH, flops=6e20, num_tokens=1e10)[:2] == (pytest.approx(1e10), 1e10)
    assert target(EPOCH, shape=GPT2, vocab_size=50_257).num_parameters == 124_439_808


def test_kaplan_counts_a_model_without_its_embeddings():
    aim = target(KAPLAN, shape=GPT2, vocab_size=50_257)
    outside = 12 * 12 * 768**2
    assert aim.num_parameters == 124_439_808
    assert aim.num_tokens == KAPLAN.tokens_for(outside)
    laws = by_every_law(aim, GPT2, 0)
    assert laws["kaplan"]["loss_of_the_target"] == KAPLAN.loss(outside, aim.num_tokens)
    assert laws["epoch"]["num_tokens"] == EPOCH.tokens_for(124_439_808)
    assert by_every_law(aim, None, 1e21)["epoch"]["num_tokens"] == EPOCH.optimum(1e21).num_tokens


def test_ids_are_two_bytes_up_to_65_536_tokens_of_vocabulary():
    small = shard_storage(1e9, vocab_size=65_536)
    assert {name: size for name, (size, _) in small.items()} == {"shards, ids": 2e9}
    assert shard_storage(1e9, vocab_size=65_537)["shards, ids"][0] == 4e9
    full = shard_storage(1e9, vocab_size=50_257, num_copies=1e6)
    assert {name: size for name, (size, _) in full.items()} == {
        "shards, ids": 2e9, "shards, indexes": 2e7, "provenance": pytest.approx(42.3e6),
    }  # fmt: skip


def test_dedup_s_hours_are_those_of_its_own_projection():
    # filters/dedup/SCALE.md: 3 x 10^9 pages of 3 KB in 10,000 parts take 150 core-hours.
    volume = Volume(num_pages=3.6e9, num_documents=3e9, text_bytes=9e12, judged_documents=3e9,
                    judged_bytes=9e12, num_parts=10_000)  # fmt: skip
    times = {
        time.stage: time.core_seconds / 3600
        for time in stage_times(
            volume, engine="blocks", mixed_bytes=9e12, drawn_bytes=3e12, is_trained=True
        )
    }
    assert times["dedup"] == pytest.approx(150, rel=0.02)
    assert times["extract"] == pytest.approx(3.6e9 / 450 / 3600)
    assert times["screen"] == pytest.approx(9e12 / 75e6 / 3600)
    assert times["tokenize"] == pytest.approx(3e12 / 80e6 / 3600)
    assert times["mix"] == pytest.approx(9e12 / 80e6 / 3600)
    assert times["vocabulary"] == pytest.approx(9e12 / 35e6 / 3600)
    assert hours(150 * 3600, 1000) * 60 == pytest.approx(11, abs=0.3)  # "11 minutes"


def test_an_engine_without_a_rate_is_an_error():
    volume = Volume(num_pages=1, num_documents=1, text_bytes=1, judged_documents=1, judged_bytes=1,
                    num_parts=1)  # fmt: skip
    with pytest.raises(ConfigError, match=r"extract\.engine magic: no rate is known"):
        stage_times(volume, engine="magic", mixed_bytes=1, drawn_bytes=1, is_trained=False)
