"""GPT-2's weights in and out: a folder of Hugging Face's GPT2LMHeadModel to our GPT, and back.

The two compute the same function; what differs is how it is written down. There the four matrices
of a layer are the other way round (Conv1D: input rows, output columns), names may begin with
`transformer.`, the output layer may stand beside the embedding that it is, old files hold the mask
of causal attention, and the embedding has no rows beyond the vocabulary.

Read are config.json and model.safetensors, so that opening a stranger's folder runs nothing. What
would make another function of the same numbers (another activation, epsilon, scale of attention,
an output layer of its own, a tensor too many or too few) is refused with its name.

Cost: the weights twice in memory, as float32.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from corpus.errors import InputError
from corpus.tokenizer.files import TOKENIZER_FILE
from corpus.tokenizer.vocabulary import END_OF_TEXT
from corpus.trainer.checkpoints import Weights, save_tensors
from corpus.trainer.model import GPT, NORM_EPSILON
from corpus.trainer.shapes import ModelShape

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
PREFIX, HEAD = "transformer.", "lm_head.weight"
TANH_GELU = ("gelu_new", "gelu_pytorch_tanh")  # two names of one formula
MASKS = (".attn.bias", ".attn.masked_bias")  # constants that transformers wrote until 2023

_LAYER = {
    "attention_norm": "ln_1",
    "attention_in": "attn.c_attn",
    "attention_out": "attn.c_proj",
    "forward_norm": "ln_2",
    "forward_in": "mlp.c_fc",
    "forward_out": "mlp.c_proj",
}


class _Gpt2Config(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of config.json that change the function, with the values that GPT2Config gives."""

    model_type: str
    n_layer: int
    n_head: int
    n_embd: int
    n_positions: int
    vocab_size: int
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    add_cross_attention: bool = False
    tie_word_embeddings: bool = True


def read_gpt2(folder: Path) -> GPT:
    """The model of a folder that GPT2LMHeadModel or GPT2Model saved, on the CPU, in float32.

    Raises InputError where it is no such folder, or a model that computes something else.
    """
    path = folder / WEIGHTS_FILE
    config = _read_config(folder / CONFIG_FILE)
    shape = _shape(config, folder / CONFIG_FILE)
    theirs = _named_plainly(_read_tensors(path), path)
    _check_tied(theirs, path, is_tied=config.tie_word_embeddings)
    with torch.device("meta"):
        model = GPT(shape, config.vocab_size)
    wanted = model.state_dict()
    names = dict(_names(shape.num_layers))
    _check_names(theirs, set(names.values()), path)
    ours = {}
    for name, source in names.items():
        expected = list(wanted[name].shape)
        if name == "tokens.weight":
            expected[0] = config.vocab_size
        ours[name] = _matrix(theirs.pop(source), source, expected, path)
    padding = wanted["tokens.weight"].shape[0] - config.vocab_size
    ours["tokens.weight"] = torch.nn.functional.pad(ours["tokens.weight"], (0, 0, 0, padding))
    model.load_state_dict(ours, assign=True)
    return model.eval()


def write_gpt2(model: GPT, folder: Path, *, eot_id: int) -> None:
    """Write config.json, generation_config.json and model.safetensors of GPT2LMHeadModel.

    GPT2LMHeadModel.from_pretrained(folder) computes the same logits. eot_id begins and ends a text.
    Raises InputError for a model that it cannot compute.
    """
    shape, ours = model.shape, model.state_dict()
    if shape.norm != "pre":
        raise InputError(
            f"{folder}: the model normalises after each sub-layer (norm {shape.norm}, as GPT-1); "
            "expected norm pre: GPT2LMHeadModel knows no other"
        )
    if shape.band:
        raise InputError(
            f"{folder}: every second layer of the model attends to a band of {shape.band} "
            "positions; expected band 0: GPT2LMHeadModel has dense layers alone"
        )
    ours["tokens.weight"] = ours["tokens.weight"][: model.vocab_size]
    tensors = {
        PREFIX + name: _turned(name, ours[source]).contiguous()
        for source, name in _names(shape.num_layers)
    }
    save_tensors(tensors, folder / WEIGHTS_FILE, {"format": "pt"})
    ends = {"bos_token_id": eot_id, "eos_token_id": eot_id}
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_layer": shape.num_layers,
        "n_head": shape.num_heads,
        "n_embd": shape.width,
        "n_positions": shape.context,
        "vocab_size": model.vocab_size,
        "activation_function": TANH_GELU[0],
        "layer_norm_epsilon": NORM_EPSILON,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }
    _write_json(folder / CONFIG_FILE, config | ends)
    _write_json(folder / "generation_config.json", ends)
    # safetensors writes for the owner alone; the folder is there to be handed on.
    (folder / WEIGHTS_FILE).chmod((folder / CONFIG_FILE).stat().st_mode)


def write_tokenizer(tokenizer: bytes, folder: Path, *, context: int) -> None:
    """Write a tokenizer.json of ours and what AutoTokenizer wants beside it.

    Without the class named, transformers takes GPT-2's own for a model of type gpt2, whatever the
    pattern that tokenizer.json says. Unlike ours it reads a document's `<|endoftext|>` as the
    control token.
    """
    (folder / TOKENIZER_FILE).write_bytes(tokenizer)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }
    _write_json(folder / "tokenizer_config.json", config)


def _names(num_layers: int) -> Iterator[tuple[str, str]]:
    """Our name of each tensor, and theirs without the prefix."""
    yield from (("tokens.weight", "wte.weight"), ("positions.weight", "wpe.weight"))
    for layer in range(num_layers):
        for ours, theirs in _LAYER.items():
            for kind in ("weight", "bias"):
                yield f"blocks.{layer}.{ours}.{kind}", f"h.{layer}.{theirs}.{kind}"
    yield from (("norm.weight", "ln_f.weight"), ("norm.bias", "ln_f.bias"))


def _turned(name: str, tensor: Tensor) -> Tensor:
    """A tensor as the other side has it, by their name: Conv1D's matrices are transposed."""
    return tensor.T if ".c_" in name and tensor.dim() == 2 else tensor


def _read_config(path: Path) -> _Gpt2Config:
    try:
        config = msgspec.json.decode(path.read_bytes(), type=_Gpt2Config)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(
            f"{path}: {error}; expected the config.json of a GPT2LMHeadModel, as its "
            "save_pretrained writes it"
        ) from error
    if config.model_type != "gpt2":
        raise InputError(
            f"{path}: model_type is {config.model_type}, expected gpt2: layer norms before each "
            "sub-layer and after the last block, learned positions"
        )
    only = {
        "activation_function": TANH_GELU,
        "layer_norm_epsilon": (NORM_EPSILON,),
        "n_inner": (None, 4 * config.n_embd),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    }
    for name, values in only.items():
        if (found := getattr(config, name)) not in values:
            expected = " or ".join(map(json.dumps, values))
            raise InputError(
                f"{path}: {name} is {json.dumps(found)}, expected {expected}; another value makes "
                "another model of the same weights, which corpus/trainer/model.py has not"
            )
    return config


def _shape(config: _Gpt2Config, path: Path) -> ModelShape:
    if config.vocab_size < 1:
        raise InputError(f"{path}: vocab_size is {config.vocab_size}, expected at least 1")
    try:
        return ModelShape(
            num_layers=config.n_layer,
            num_heads=config.n_head,
            width=config.n_embd,
            context=config.n_positions,
        )
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _read_tensors(path: Path) -> Weights:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: {error}; expected one safetensors file with all weights: "
            "save_pretrained(FOLDER, max_shard_size='100GB') writes it from any other form"
        ) from error


def _named_plainly(tensors: Weights, path: Path) -> Weights:
    """The tensors without the prefix and the masks; raises InputError where two have one name."""
    found: Weights = {}
    for name, tensor in tensors.items():
        plain = name.removeprefix(PREFIX)
        if plain in found:
            raise InputError(f"{path}: {plain} is there with {PREFIX} and without, expected one")
        if not plain.endswith(MASKS):
            found[plain] = tensor
    return found


def _check_tied(theirs: Weights, path: Path, *, is_tied: bool) -> None:
    """Drop the output layer where it is the embedding; raises InputError where it is not."""
    head, embedding = theirs.pop(HEAD, None), theirs.get("wte.weight")
    if head is None and not is_tied:
        raise InputError(
            f"{path}: tie_word_embeddings is false and {HEAD} is missing; expected tied embeddings"
        )
    if head is not None and embedding is not None and not torch.equal(head, embedding):
        raise InputError(
            f"{path}: {HEAD} differs from wte.weight; expected equal ones: here the output layer "
            "is the embedding (Radford et al. 2019)"
        )


def _check_names(theirs: Weights, expected: set[str], path: Path) -> None:
    missing, unknown = sorted(expected - theirs.keys()), sorted(theirs.keys() - expected)
    faults = [
        f"{len(names)} {kind}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        for kind, names in (("missing", missing), ("unknown", unknown)) if names
    ]  # fmt: skip
    if faults:
        raise InputError(
            f"{path}: tensors {'; '.join(faults)}; expected the {len(expected)} of a "
            f"GPT2LMHeadModel of the n_layer in {CONFIG_FILE}"
        )


def _matrix(tensor: Tensor, name: str, expected: list[int], path: Path) -> Tensor:
    """A tensor as ours, in float32; raises InputError where its shape or type is another."""
    turned = _turned(name, tensor)
    if list(turned.shape) != expected:
        as_theirs = list(_turned(name, torch.empty(expected, device="meta")).shape)
        raise InputError(
            f"{path}: {name} is {list(tensor.shape)}, expected {as_theirs} by the sizes in "
            f"{CONFIG_FILE}"
        )
    if not turned.is_floating_point():
        raise InputError(f"{path}: {name} is of {tensor.dtype}, expected floating point")
    return turned.float().contiguous()


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
