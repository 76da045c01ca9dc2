"""Text after a prompt: encoded, gone on with, and cut where a stop string begins."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch")

from corpus.errors import ConfigError  # noqa: E402
from corpus.tokenizer.files import load  # noqa: E402
from corpus.trainer.generation.texts import Generation, complete  # noqa: E402
from tests.corpus.trainer.known_models import chain  # noqa: E402


@pytest.fixture(scope="module")
def vocabulary(data):
    return load(data.tokenizer)


def parrot(vocabulary, text):
    """A model that says text, whose tokens are all different, after end-of-text, then ends."""
    ids = vocabulary.encode([text])[0]
    assert len(set(ids)) == len(ids)
    path = [vocabulary.eot_id, *ids, vocabulary.eot_id]
    steps = {a: {b: 1.0} for a, b in itertools.pairwise(path)}
    return chain(steps, vocabulary.size, context=64)


def said(vocabulary, text, prompt="", **settings):
    how = Generation(**({"max_tokens": 50} | settings))
    return complete(parrot(vocabulary, text), vocabulary, prompt, how)


def test_a_prompt_is_gone_on_with_to_the_end_of_the_text(vocabulary):
    text = "the cat sat on a mat"
    found = said(vocabulary, text)
    assert (found.text, found.ending) == (text, "end_of_text")
    assert list(found.ids) == vocabulary.encode([text])[0]
    assert found.log_probability == pytest.approx(0, abs=1e-4)
    assert said(vocabulary, text, prompt="the cat").text == " sat on a mat"


def test_a_text_ends_with_its_most_tokens(vocabulary):
    found = said(vocabulary, "the cat sat on a mat", max_tokens=2)
    assert (found.text, found.ending) == (vocabulary.decode(found.ids), "length")
    assert len(found.ids) == 2


@pytest.mark.parametrize("num_beams", [1, 3])
@pytest.mark.parametrize(
    ("stops", "text", "ending"),
    [
        ((" sat",), "the cat", "stop"),
        (("at on",), "the cat s", "stop"),  # over a seam of tokens
        (("a", "cat s"), "the c", "stop"),
        (("on", " on a"), "the cat sat ", "stop"),
        (("dog",), "the cat sat on a mat", "end_of_text"),
    ],
)
def test_a_text_ends_before_the_first_stop_string(vocabulary, stops, text, ending, num_beams):
    found = said(vocabulary, "the cat sat on a mat", stops=stops, num_beams=num_beams)
    assert (found.text, found.ending) == (text, ending)


def test_a_stop_string_is_found_in_pieces_of_bytes(vocabulary):
    found = said(vocabulary, "cat é on", stops=("é",))
    assert (found.text, found.ending) == ("cat ", "stop")


def test_a_stop_string_in_the_prompt_ends_nothing(vocabulary):
    assert said(vocabulary, "the cat sat on", prompt="the cat", stops=("cat",)).text == " sat on"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_tokens", 0), ("min_tokens", 51), ("temperature", -1.0),
        ("temperature", float("nan")), ("top_k", -1), ("top_p", 0.0), ("top_p", 1.5),
        ("num_beams", 0), ("alpha", float("inf")), ("stops", ("a", "")),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(ConfigError, match=setting if setting != "stops" else "stop string"):
        Generation(**({"max_tokens": 50} | {setting: value}))
