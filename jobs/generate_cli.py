"""`winnow generate`: what the root's model writes after a prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corpus.datasets import open_dataset
from corpus.errors import Damaged
from corpus.shards import file_sha256
from corpus.storage import Store
from corpus.tokenizer.files import TOKENIZER_FILE, load
from corpus.trainer import prepare_torch
from jobs.options import json_option, root_option

if TYPE_CHECKING:
    from corpus.trainer.generation.texts import Completion, Generation
    from corpus.trainer.saved import ModelConfig

OF_SAMPLING = ("temperature", "top_k", "top_p", "seed")
"""Options that beam search has no use for."""


@click.command()
@click.argument("prompt")
@root_option
@click.option("--max-tokens", default=200, show_default=True, help="Tokens at most.")
@click.option("--temperature", type=float, help="0 takes the likeliest token; train.temperature "
              "where not given.")  # fmt: skip
@click.option("--top-k", type=int, help="Draw from so many likeliest tokens, 0 = all; train.top_k "
              "where not given.")  # fmt: skip
@click.option("--top-p", default=1.0, show_default=True,
              help="Draw from the fewest tokens of this share.")
@click.option("--seed", default=0, show_default=True, help="Of the draws.")
@click.option("--beams", default=1, show_default=True,
              help="Above 1: beam search of this width; GPT-3's was 4.")
@click.option("--alpha", default=0.6, show_default=True, help="Of beam search's length penalty.")
@click.option("--stop", "stops", multiple=True, metavar="STR",
              help="End before this text; may be given more than once.")
@json_option
@click.pass_context
def generate(
    context: click.Context,
    prompt: str,
    root: str,
    max_tokens: int,
    temperature: float | None,
    top_k: int | None,
    top_p: float,
    seed: int,
    beams: int,
    alpha: float,
    stops: tuple[str, ...],
    as_json: bool,
) -> None:
    """Let the root's model go on from PROMPT; "" begins a text.

    The same seed gives the same text. Without --temperature and --top-k it is drawn as sample.txt
    is. End-of-text ends it.

    \b
    Example: winnow generate "The weather" --root build/real --max-tokens 100 --top-p 0.9
             winnow generate "Question: why? Answer:" --beams 4 --stop . --json
    """
    _refuse_idle(context, beams)
    store = Store(root)
    folder = open_dataset(store, "model").folder()
    tokenizer = open_dataset(store, "tokenizer").folder()
    prepare_torch()
    from corpus.trainer.generation.texts import Generation
    from corpus.trainer.saved import read_config

    config = read_config(folder)
    _check_tokenizer(tokenizer, config)
    how = Generation(
        max_tokens=max_tokens,
        temperature=config.settings.temperature if temperature is None else temperature,
        top_k=config.settings.top_k if top_k is None else top_k,
        top_p=top_p,
        seed=seed,
        num_beams=beams,
        alpha=alpha,
        stops=stops,
    )
    found = _complete(folder, tokenizer, config, prompt, how)
    if as_json:
        click.echo(json.dumps(_as_json(prompt, found), indent=1))
    else:
        click.echo(prompt + found.text)


def _refuse_idle(context: click.Context, beams: int) -> None:
    """Refuse an option that would have no effect."""
    given = [name for name in (*OF_SAMPLING, "alpha") if _is_given(context, name)]
    idle = [name for name in given if (name == "alpha") == (beams <= 1)]
    if idle:
        which = "needs --beams above 1" if beams <= 1 else "goes with sampling, not with --beams"
        raise click.UsageError(f"--{idle[0].replace('_', '-')} {which}")


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _check_tokenizer(tokenizer: Path, config: ModelConfig) -> None:
    found = file_sha256(tokenizer / TOKENIZER_FILE)
    if found != config.tokenizer_sha256:
        raise Damaged(
            f"{tokenizer}: has SHA-256 {found[:16]}..., but the model was trained with "
            f"{config.tokenizer_sha256[:16]}...; run `winnow run train`"
        )


def _complete(
    folder: Path, tokenizer: Path, config: ModelConfig, prompt: str, how: Generation
) -> Completion:
    """On the device and with the threads that the model was trained on."""
    from corpus.trainer.generation.texts import complete
    from corpus.trainer.saved import open_model
    from corpus.trainer.training import torch_set

    with torch_set(config.settings) as device:
        return complete(open_model(folder).to(device), load(tokenizer), prompt, how)


def _as_json(prompt: str, found: Completion) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "text": found.text,
        "ids": list(found.ids),
        "ending": found.ending,
        "log_probability": found.log_probability,
    }


__all__ = ["generate"]
