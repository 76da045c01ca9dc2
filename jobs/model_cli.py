"""`winnow model`: the trained GPT looked at, and handed on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from corpus.datasets import Dataset, open_dataset
from corpus.errors import Damaged
from corpus.storage import Store
from corpus.tokenizer.files import TOKENIZER_FILE
from jobs.options import json_option, root_option


@click.group()
def model() -> None:
    """Show the trained model, write it as Hugging Face's GPT2LMHeadModel.

    \b
    Example: winnow model info --root build/real
             winnow model export gpt/ --root build/real
    """


@model.command()
@root_option
@json_option
def info(root: str, as_json: bool) -> None:
    """Show the model's shape and parameters, the tokens it was trained on, and its losses.

    \b
    Example: winnow model info --root build/real
    """
    told = describe(open_dataset(Store(root), "model"))
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for line in _lines(told):
        click.echo(line)


@model.command()
@click.argument("folder", type=click.Path(path_type=Path))
@root_option
def export(folder: Path, root: str) -> None:
    """Write the model into a new folder, as transformers' GPT2LMHeadModel and AutoTokenizer load.

    \b
    Example: winnow model export gpt/ --root build/real
    """
    from corpus.trainer import prepare_torch

    prepare_torch()
    from corpus.shard_exports import new_folder
    from corpus.trainer.saved import open_model, read_config
    from corpus.trainer.weights import write_gpt2, write_tokenizer

    store = Store(root)
    source = open_dataset(store, "model").folder()
    config = read_config(source)
    tokenizer = _read(open_dataset(store, "tokenizer"), TOKENIZER_FILE)
    if (found := hashlib.sha256(tokenizer).hexdigest()) != config.tokenizer_sha256:
        raise Damaged(
            f"{store.path('tokenizer', TOKENIZER_FILE)}: SHA-256 {found[:16]}..., but the model "
            f"was trained with {config.tokenizer_sha256[:16]}...; run `winnow run train`"
        )
    with new_folder(folder) as built:
        write_gpt2(open_model(source), built, eot_id=config.eot_id)
        write_tokenizer(tokenizer, built, context=config.shape.context)
    num_bytes = sum(path.stat().st_size for path in folder.iterdir())
    click.echo(
        f"{folder}: GPT2LMHeadModel of {config.num_parameters:,} parameters and its tokenizer, "
        f"{num_bytes:,} bytes"
    )


def describe(trained: Dataset) -> dict[str, Any]:
    """What config.json and train.jsonl say of a model, as plain values; needs no torch."""
    config = json.loads(_read(trained, "config.json"))
    rows = [json.loads(line) for line in _read(trained, "train.jsonl").splitlines()]
    last = rows[-1]
    return {
        "shape": config["shape"],
        "vocab_size": config["vocab_size"],
        "num_parameters": config["num_parameters"],
        "seed": config["seed"],
        "tokenizer_sha256": config["tokenizer_sha256"],
        "shards_sha256": config["shards_sha256"],
        "num_steps": last["step"],
        "num_tokens": last["tokens"],
        "num_epochs": last["tokens"] / config["train_tokens"],
        "train_tokens": config["train_tokens"],
        "validation_tokens": config["validation_tokens"],
        "loss": last.get("loss"),
        "validation": [
            {name: row[name] for name in ("step", "validation_loss", "bits_per_byte")}
            for row in rows if "validation_loss" in row
        ],
    }  # fmt: skip


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    shape = told["shape"]
    kind = ", norms after the sub-layers" if shape.get("norm") == "post" else ""
    if "band" in shape:
        kind += f", bands of {shape['band']:,} in every second layer"
    yield (
        f"{told['num_parameters']:,} parameters: {shape['num_layers']} layers of width "
        f"{shape['width']:,}, {shape['num_heads']} heads, context {shape['context']:,}{kind}, "
        f"{told['vocab_size']:,} ids"
    )
    yield (
        f"{told['num_steps']:,} steps, {told['num_tokens']:,} tokens, {told['num_epochs']:.3f} "
        f"epochs of {told['train_tokens']:,}, seed {told['seed']}"
    )
    if told["loss"] is not None:
        yield f"loss of the last step: {told['loss']:.4f} nats per token"
    if told["validation"]:
        yield "validation loss, by step: nats per token, bits per byte"
    for row in told["validation"]:
        rate = "-" if row["bits_per_byte"] is None else f"{row['bits_per_byte']:.4f}"
        yield f"    {row['step']:>10,} {row['validation_loss']:>10.4f} {rate:>10}"


def _read(dataset: Dataset, name: str) -> bytes:
    """A file of a folder dataset; raises Damaged where it is gone or not as it was published."""
    where = dataset.store.path(dataset.name, name)
    listed = {file.name: file.sha256 for part in dataset.parts for file in part.files}
    try:
        data = dataset.store.read(dataset.name, name)
    except FileNotFoundError as error:
        raise Damaged(f"{where}: gone; `winnow verify` tells what else is not there") from error
    if (found := hashlib.sha256(data).hexdigest()) != listed.get(name):
        raise Damaged(
            f"{where}: SHA-256 {found[:16]}..., but the manifest says "
            f"{str(listed.get(name))[:16]}...; `winnow verify` tells what else differs"
        )
    return data


__all__ = ["model"]
