"""Where fine-tuning begins: a trained folder, a GPT2LMHeadModel, or first weights."""

from __future__ import annotations

import shutil

import pytest

torch = pytest.importorskip("torch")

from corpus.errors import Damaged, InputError  # noqa: E402
from corpus.tokenizer.files import TOKENIZER_FILE, load  # noqa: E402
from corpus.trainer.finetuning.bases import open_base  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.saved import open_model  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402
from corpus.trainer.training import train  # noqa: E402
from corpus.trainer.weights import write_gpt2, write_tokenizer  # noqa: E402

SETTINGS = TrainSettings(
    model="micro", num_layers=1, width=16, context=16, num_steps=2, sequences_per_step=2,
    sequences_per_pass=2, num_threads=1, warmup_steps=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A folder as training wrote it, with its tokenizer beside it."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(data.tokenizer, root / "tokenizer")
    train(
        SETTINGS, seed=1, shards=data.shards, tokenizer=data.tokenizer, folder=root / "model",
        log=lambda line: None,
    )  # fmt: skip
    return root / "model"


def test_a_trained_model_begins_as_it_ended(trained):
    base = open_base(trained)
    assert torch.equal(base.pretrained().tokens.weight, open_model(trained).tokens.weight)
    assert base.pretrained() is not base.pretrained()


def test_from_scratch_has_the_architecture_and_the_seeds_first_weights(trained):
    base = open_base(trained)
    one, same, other = (base.from_scratch(seed) for seed in (1, 1, 2))
    assert one.shape == base.pretrained().shape
    assert torch.equal(one.tokens.weight, same.tokens.weight)
    assert not torch.equal(one.tokens.weight, other.tokens.weight)
    assert not torch.equal(one.tokens.weight, base.pretrained().tokens.weight)


def test_a_gpt2_folder_is_a_base_too(data, tmp_path):
    vocabulary = load(data.tokenizer)
    model = GPT(ModelShape(num_layers=1, num_heads=2, width=16, context=16), vocabulary.size)
    write_gpt2(model, tmp_path, eot_id=vocabulary.eot_id)
    write_tokenizer((data.tokenizer / TOKENIZER_FILE).read_bytes(), tmp_path, context=16)
    base = open_base(tmp_path)
    assert (base.is_gpt2, base.vocabulary.size) == (True, vocabulary.size)
    ids = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(base.pretrained().logits(ids), model.logits(ids))
    assert base.from_scratch(1).shape == model.shape


def test_a_tokenizer_may_be_elsewhere_but_must_be_the_models(trained, data, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(trained, alone)
    with pytest.raises(InputError, match="say where the model's tokenizer is with --tokenizer"):
        open_base(alone)
    assert open_base(alone, data.tokenizer).vocabulary.size == 300
    other = tmp_path / "other"
    shutil.copytree(data.tokenizer, other)
    path = other / TOKENIZER_FILE
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Damaged, match="expected the tokenizer that the model was trained with"):
        open_base(alone, other)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected the folder of a model"):
        open_base(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="expected the folder of a model"):
        open_base(tmp_path)
