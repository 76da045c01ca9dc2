"""GPT-2's weights in and out, against transformers where it is installed, and a twin in numpy."""

from __future__ import annotations

import inspect
import json
import math
import random

import msgspec
import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402 - after the check for torch

from corpus.errors import InputError  # noqa: E402
from corpus.tokenizer.files import save  # noqa: E402
from corpus.tokenizer.pretokens import count_pretokens  # noqa: E402
from corpus.tokenizer.splitting import Splitting  # noqa: E402
from corpus.tokenizer.training import learn  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import PRESETS, ModelShape  # noqa: E402
from corpus.trainer.weights import read_gpt2, write_gpt2, write_tokenizer  # noqa: E402

SHAPE = ModelShape(num_layers=2, num_heads=4, width=32, context=16)
VOCAB = 99
SOURCE = inspect.getsource(random)


def drawn_model(seed: int = 1):
    """A model whose every number, biases and norms too, is its own."""
    model, draw = GPT(SHAPE, VOCAB), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=draw)
    return model.eval()


def all_logits(model, ids):
    """Logits after each position, (B, T, vocab_size)."""
    with torch.no_grad():
        return model(ids) @ model.tokens.weight[: model.vocab_size].T


def some_ids():
    return torch.randint(VOCAB, (3, 16), generator=torch.Generator().manual_seed(2))


@pytest.fixture
def folder(tmp_path):
    """A folder as save_pretrained writes it, of drawn_model()."""
    write_gpt2(drawn_model(), tmp_path, eot_id=98)
    return tmp_path


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def refusal(folder) -> str:
    with pytest.raises(InputError) as caught:
        read_gpt2(folder)
    return str(caught.value).replace(f"{folder}/", "")


# By numpy: what the tensors mean by their names there, written out for one block.


def layer_norm(x, weights, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def conv1d(x, weights, name):
    return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def block_by_numpy(x, weights, layer, num_heads):
    """(T, D) to (T, D), after OpenAI's src/model.py."""
    name = f"transformer.h.{layer}"
    inside = conv1d(layer_norm(x, weights, f"{name}.ln_1"), weights, f"{name}.attn.c_attn")
    query, key, value = (np.split(part, num_heads, 1) for part in np.split(inside, 3, 1))
    heads = []
    for q, k, v in zip(query, key, value, strict=True):
        scores = q @ k.T / math.sqrt(q.shape[1])
        scores[np.triu_indices(len(x), 1)] = -1e10
        heads.append(softmax(scores) @ v)
    x = x + conv1d(np.concatenate(heads, 1), weights, f"{name}.attn.c_proj")
    u = conv1d(layer_norm(x, weights, f"{name}.ln_2"), weights, f"{name}.mlp.c_fc")
    gelu = 0.5 * u * (1 + np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
    return x + conv1d(gelu, weights, f"{name}.mlp.c_proj")


def test_the_tensors_written_are_gpt2s_by_name_and_orientation(folder):
    tensors = load_file(folder / "model.safetensors")
    weights = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    ids = some_ids()
    expected = []
    for row in ids.numpy():
        x = weights["transformer.wte.weight"][row] + weights["transformer.wpe.weight"]
        for layer in range(2):
            x = block_by_numpy(x, weights, layer, num_heads=4)
        hidden = layer_norm(x, weights, "transformer.ln_f")
        expected.append(hidden @ weights["transformer.wte.weight"].T)
    found = all_logits(drawn_model().double(), ids)
    assert found.shape == (3, 16, VOCAB)
    np.testing.assert_allclose(found.numpy(), np.stack(expected), rtol=1e-9, atol=1e-9)


def test_what_is_written_is_read_back_bit_for_bit(folder):
    model, read = drawn_model(), read_gpt2(folder)
    assert (read.shape, read.vocab_size) == (SHAPE, VOCAB)
    found, expected = read.state_dict(), model.state_dict()
    assert list(found) == list(expected)
    expected["tokens.weight"][VOCAB:] = 0
    assert all(map(torch.equal, found.values(), expected.values()))
    assert torch.equal(all_logits(read, some_ids()), all_logits(model, some_ids()))


def test_a_model_read_can_be_trained_on(folder):
    model = read_gpt2(folder)
    model.loss(some_ids(), some_ids().roll(1)).backward()
    assert all(parameter.grad.any() for parameter in model.parameters())
    assert not model.tokens.weight.grad[VOCAB:].any()


def test_the_folder_written_has_no_padding_and_says_where_a_text_ends(folder):
    tensors = load_file(folder / "model.safetensors")
    assert tensors["transformer.wte.weight"].shape == (VOCAB, 32)
    assert "lm_head.weight" not in tensors
    assert sum(t.numel() for t in tensors.values()) == SHAPE.num_parameters(VOCAB)
    config = json.loads((folder / "config.json").read_text())
    assert {config["bos_token_id"], config["eos_token_id"]} == {98}
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1
    ends = json.loads((folder / "generation_config.json").read_text())
    assert ends == {"bos_token_id": 98, "eos_token_id": 98}


def test_openais_own_form_is_read(folder):
    """No prefix, masks as tensors, an output layer beside the embedding, half precision."""

    def as_openai(tensors):
        for name in list(tensors):
            tensors[name.removeprefix("transformer.")] = tensors.pop(name).half()
        tensors["h.0.attn.bias"] = torch.ones(1, 1, 16, 16).tril()
        tensors["h.0.attn.masked_bias"] = torch.tensor(-1e4)
        tensors["lm_head.weight"] = tensors["wte.weight"].clone()

    change_tensors(folder, as_openai)
    read, model = read_gpt2(folder), drawn_model().half().float()
    found = all_logits(read, some_ids())
    assert read.tokens.weight.dtype == torch.float32
    assert torch.equal(found, all_logits(model, some_ids()))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "openai-gpt"},
         "config.json: model_type is openai-gpt, expected gpt2: layer norms before each"),
        ({"activation_function": "relu"},
         'config.json: activation_function is "relu", expected "gelu_new" or "gelu_pytorch_tanh"'),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon is 1e-06, expected 1e-05"),
        ({"n_inner": 64}, "n_inner is 64, expected null or 128"),
        ({"scale_attn_weights": False}, "scale_attn_weights is false, expected true"),
        ({"scale_attn_by_inverse_layer_idx": True},
         "scale_attn_by_inverse_layer_idx is true, expected false"),
        ({"add_cross_attention": True}, "add_cross_attention is true, expected false"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is false and lm_head.weight is miss"),
        ({"n_head": 5}, "config.json: width 32 is not a multiple of 5 heads"),
        ({"n_embd": None}, "config.json: Expected `int`, got `null`"),
        ({"vocab_size": 0}, "config.json: vocab_size is 0, expected at least 1"),
        ({"n_positions": 15},
         "model.safetensors: wpe.weight is [16, 32], expected [15, 32] by the sizes"),
        ({"vocab_size": 128}, "wte.weight is [99, 32], expected [128, 32]"),
        ({"n_layer": 3},
         "tensors 12 missing: h.2.attn.c_attn.bias, h.2.attn.c_attn.weight, h.2.attn.c_proj.bias, "
         "...; expected the 40"),
        ({"n_layer": 1}, "tensors 12 unknown: h.1.attn.c_attn.bias"),
    ],
)  # fmt: skip
def test_a_model_of_another_kind_or_size_is_refused(folder, values, message):
    change_config(folder, **values)
    assert message in refusal(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("transformer.ln_f.weight"),
         "model.safetensors: tensors 1 missing: ln_f.weight; expected the 28 of"),
        (lambda t: t.update({"h.0.attn.rotary.weight": torch.ones(2)}),
         "tensors 1 unknown: h.0.attn.rotary.weight"),
        (lambda t: t.update({"ln_f.bias": torch.ones(32)}),
         "ln_f.bias is there with transformer. and without, expected one"),
        (lambda t: t.update({"lm_head.weight": torch.ones(VOCAB, 32)}),
         "lm_head.weight differs from wte.weight"),
        (lambda t: t.update({"transformer.h.1.mlp.c_fc.weight": torch.ones(128, 32)}),
         "h.1.mlp.c_fc.weight is [128, 32], expected [32, 128]"),
        (lambda t: t.update({"transformer.ln_f.bias": torch.ones(32, dtype=torch.int32)}),
         "ln_f.bias is of torch.int32, expected floating point"),
    ],
)  # fmt: skip
def test_tensors_that_are_not_gpt2s_are_refused_by_name(folder, change, message):
    change_tensors(folder, change)
    assert message in refusal(folder)


def test_a_folder_without_the_files_says_what_was_looked_for(folder):
    (folder / "model.safetensors").write_bytes(b"PK\x03\x04 a pickle")
    assert "expected one safetensors file with all weights" in refusal(folder)
    (folder / "model.safetensors").unlink()
    assert "expected one safetensors file with all weights" in refusal(folder)
    (folder / "config.json").unlink()
    assert "expected the config.json of a GPT2LMHeadModel" in refusal(folder)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ({"norm": "post"}, "expected norm pre: GPT2LMHeadModel knows no other"),
        ({"band": 5}, "a band of 5 positions; expected band 0: GPT2LMHeadModel has dense layers"),
    ],
)
def test_a_model_that_gpt2_cannot_compute_is_not_written(tmp_path, kind, message):
    model = GPT(msgspec.structs.replace(SHAPE, **kind), VOCAB)
    with pytest.raises(InputError, match=message):
        write_gpt2(model, tmp_path, eot_id=98)
    assert not list(tmp_path.iterdir())


# By transformers itself, where it is installed.


def test_transformers_computes_the_same_logits_of_what_is_written(folder):
    library = pytest.importorskip("transformers")
    theirs, told = library.GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    assert not any(told.values())
    with torch.no_grad():
        found = theirs(some_ids()).logits
    assert found.shape == (3, 16, VOCAB)
    assert (found - all_logits(drawn_model(), some_ids())).abs().max() < 1e-4
    assert theirs.generation_config.eos_token_id == 98


@pytest.mark.parametrize("kind", ["GPT2LMHeadModel", "GPT2Model"])
def test_what_transformers_writes_is_read_to_the_same_logits(tmp_path, kind):
    library = pytest.importorskip("transformers")
    config = library.GPT2Config(
        n_layer=2, n_head=4, n_embd=32, n_positions=16, vocab_size=VOCAB, initializer_range=0.3
    )
    theirs = library.GPT2LMHeadModel(config).eval()
    saved = theirs if kind == "GPT2LMHeadModel" else theirs.transformer
    saved.save_pretrained(tmp_path)
    with torch.no_grad():
        expected = theirs(some_ids()).logits
    assert (all_logits(read_gpt2(tmp_path), some_ids()) - expected).abs().max() < 1e-4


def test_gpt2_small_of_transformers_has_as_many_parameters():
    library = pytest.importorskip("transformers")
    with torch.device("meta"):
        theirs = library.GPT2LMHeadModel(library.GPT2Config())
        ours = GPT(PRESETS["gpt2"], 50_257)
    assert theirs.num_parameters() == ours.num_parameters() == 124_439_808


def test_transformers_splits_text_as_the_tokenizer_written_says(tmp_path):
    library = pytest.importorskip("transformers")
    splitting = Splitting(split_digits=True, words_per_token=2)
    pretokens = count_pretokens(pa.array([SOURCE]), splitting)
    vocabulary = learn(*pretokens, vocab_size=600, splitting=splitting)
    save(vocabulary, tmp_path, {})
    folder = tmp_path / "out"
    folder.mkdir()
    write_gpt2(drawn_model(), folder, eot_id=98)
    write_tokenizer((tmp_path / "tokenizer.json").read_bytes(), folder, context=16)
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    assert tokenizer(SOURCE)["input_ids"] == vocabulary.encode([SOURCE])[0]
    assert tokenizer("a<|endoftext|>")["input_ids"][1:] == [vocabulary.eot_id]
