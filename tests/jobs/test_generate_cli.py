"""`winnow generate`: text of a root's model, the same for a seed, in JSON too."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import click.testing
import pytest

pytest.importorskip("torch")

from corpus.tokenizer.files import TOKENIZER_FILE, load
from jobs.cli import cli
from tests.jobs.test_train import train_in

PROMPT = "one dog"


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> str:
    return str(train_in(tmp_path_factory.mktemp("generate") / "root"))


def generated(root: str, *arguments: str, status: int = 0) -> str:
    done = click.testing.CliRunner().invoke(cli, ["generate", *arguments, "--root", root])
    assert done.exit_code == status, done.output
    return done.output


def facts(root: str, *arguments: str) -> dict:
    return json.loads(generated(root, PROMPT, "--json", *arguments))


def test_the_prompt_is_printed_with_what_follows_it(root):
    shown = generated(root, PROMPT, "--max-tokens", "6")
    assert shown == PROMPT + facts(root, "--max-tokens", "6")["text"] + "\n"


def test_json_has_the_text_its_tokens_and_why_it_ends(root):
    found = facts(root, "--max-tokens", "6")
    vocabulary = load(Path(root) / "tokenizer")
    assert found["prompt"] == PROMPT
    assert found["text"] == vocabulary.decode(found["ids"])
    assert (found["ending"], len(found["ids"])) == ("length", 6)
    assert found["log_probability"] < 0


def test_a_seed_gives_one_text_and_another_seed_another(root):
    first, again, other = (facts(root, "--seed", seed)["ids"] for seed in ("4", "4", "5"))
    assert first == again != other


def test_the_likeliest_tokens_are_taken_however_they_are_asked_for(root):
    ways = (["--temperature", "0"], ["--top-k", "1"], ["--top-p", "0.000001"])
    greedy, *others = (facts(root, "--max-tokens", "20", *way) for way in ways)
    assert all(other["ids"] == greedy["ids"] for other in others)
    beams = facts(root, "--max-tokens", "20", "--beams", "4", "--alpha", "0")
    assert beams["log_probability"] >= greedy["log_probability"] - 1e-4


def test_a_text_ends_before_a_stop_string(root):
    whole = facts(root, "--max-tokens", "30")["text"]
    stop = re.findall("[a-z]{2}", whole)[1]
    found = facts(root, "--max-tokens", "30", "--stop", "~no~", "--stop", stop)
    assert (found["text"], found["ending"]) == (whole[: whole.index(stop)], "stop")


@pytest.mark.parametrize("option", ["--temperature", "--top-k", "--top-p", "--seed"])
def test_beam_search_refuses_an_option_of_sampling(root, option):
    said = generated(root, PROMPT, "--beams", "2", option, "1", status=2)
    assert f"{option} goes with sampling" in said
    assert "--alpha needs --beams" in generated(root, PROMPT, "--alpha", "1", status=2)


def test_a_value_out_of_range_is_refused(root):
    said = generated(root, PROMPT, "--top-p", "2", status=1)
    assert "ConfigError: generation: top_p is 2.0, expected above 0 and at most 1" in said


def test_without_a_model_the_stage_that_makes_one_is_named(tmp_path):
    assert "winnow run train" in generated(str(tmp_path), PROMPT, status=1)


def test_another_tokenizer_than_the_models_is_refused(root, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(root, other)
    path = other / "tokenizer" / TOKENIZER_FILE
    path.write_bytes(path.read_bytes() + b" ")
    assert "Damaged" in generated(str(other), PROMPT, status=1)
