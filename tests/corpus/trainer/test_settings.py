"""Settings are checked; sizes are the published ones. No torch here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from corpus import trainer
from corpus.errors import SetupError
from corpus.trainer.settings import TrainSettings
from corpus.trainer.shapes import PRESETS, ModelShape, padded_vocab


# Counts with tied embeddings: GPT-2's model card (124, 355, 774, 1558 M).
@pytest.mark.parametrize(
    ("name", "num_parameters"),
    [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
    ],
)
def test_gpt2_presets_have_the_published_sizes(name, num_parameters):
    assert PRESETS[name].num_parameters(50_257) == num_parameters


# Table 2.1 rounds; 350M and 760M there are 356 M and 760 M with the embeddings.
@pytest.mark.parametrize(
    ("name", "billions"),
    [("gpt3-125m", 0.125), ("gpt3-350m", 0.356), ("gpt3-760m", 0.76), ("gpt3-1.3b", 1.316),
     ("gpt3-2.7b", 2.65), ("gpt3-6.7b", 6.66), ("gpt3-13b", 12.85), ("gpt3-175b", 174.6)],
)  # fmt: skip
def test_gpt3_presets_have_the_sizes_of_table_2_1(name, billions):
    assert PRESETS[name].num_parameters(50_257) / 1e9 == pytest.approx(billions, rel=0.005)
    assert PRESETS[name].context == 2048


def test_a_vocabulary_is_padded_to_a_multiple_of_64():
    assert [padded_vocab(size) for size in (1, 64, 65, 50_257)] == [64, 64, 128, 50_304]


def test_sizes_laid_over_a_preset_win():
    shape = TrainSettings(model="gpt2", num_layers=2, context=64).shape()
    assert shape == ModelShape(num_layers=2, num_heads=12, width=768, context=64)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "gpt4"}, "model gpt4: expected one of micro, tiny"),
        ({"width": 130}, "width 130 is not a multiple of 4 heads"),
        ({"num_steps": 0}, "num_steps, num_tokens and num_epochs are all 0"),
        ({"num_steps": -1}, "num_steps is -1, expected >= 0"),
        ({"sequences_per_pass": 0}, "sequences_per_pass is 0, expected >= 1"),
        ({"ramp_sequences": 33, "ramp_tokens": 9}, "ramp_sequences 33 is above sequences_per_step"),
        ({"ramp_tokens": 100}, "ramp_sequences is 0 and ramp_tokens 100; expected both or neither"),
        ({"optimizer": "muon", "parallel": "sharded"}, "muon needs whole matrices"),
        ({"momentum": 1.1}, "momentum is 1.1, not in 0..1"),
        ({"beta2": 1.5}, "beta2 is 1.5, not in 0..1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, expected > 0"),
        ({"keep_checkpoints": 0}, "keep_checkpoints is 0, expected >= 1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_name(values, message):
    with pytest.raises(ValueError, match=message):
        TrainSettings(**values)


def test_without_torch_the_message_names_the_extra(monkeypatch):
    monkeypatch.setattr(trainer, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(SetupError, match=r"torch not installed .*pip install 'winnow\[train\]'"):
        trainer.prepare_torch()


@pytest.mark.parametrize("module", ["settings", "schedules", "flops", "noise_scale"])
def test_what_is_settled_before_training_imports_no_torch(module):
    code = f"import sys, corpus.trainer.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
