"""A GPT of ten million parameters on the shards of a root, beside nanoGPT's at the same tokens.

    python -m tests.benchmarks.ten_million ours --root ROOT
    WINNOW_NANOGPT=FOLDER python -m tests.benchmarks.ten_million nanogpt --root ROOT
    python -m tests.benchmarks.ten_million report --root ROOT

Both have the same shape, number of tokens, batch, peak and last learning rate, warm-up, betas,
decay, clipping, threads and precision, and no dropout. nanoGPT's model, initial weights, optimiser,
schedule and batches are its own (a batch is of windows drawn with replacement from train.bin, which
`winnow shards export --to nanogpt` writes from the same shards); ours are the trainer's. bfloat16
is autocast around its model: its train.py would silently train in float32 on a CPU.

Either may be stopped, and goes on from its last checkpoint when started again; nanoGPT's then has
torch's random state with it, without which it would repeat its first batches. `report` scores the
first tokens of the validation split, or all, with both in float32, each token once, in the same
windows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from corpus.trainer import prepare_torch

prepare_torch()

import msgspec  # noqa: E402 - after prepare_torch
import torch  # noqa: E402

from corpus.shards import read_manifest  # noqa: E402
from corpus.tokenizer.files import load  # noqa: E402
from corpus.trainer.batches import open_split  # noqa: E402
from corpus.trainer.generation.texts import write_samples  # noqa: E402
from corpus.trainer.saved import open_model  # noqa: E402
from corpus.trainer.schedules import Schedule  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402
from corpus.trainer.training import train  # noqa: E402
from corpus.trainer.validation import evaluate, token_lengths  # noqa: E402
from tests.benchmarks import nanogpt  # noqa: E402
from tests.benchmarks.frame import NANOGPT_VARIABLE  # noqa: E402

SEED = 1337  # nanoGPT's
SAVE_EVERY = 50
EVALUATED_AT_ONCE = 16


def settings_of(num_tokens: int, num_threads: int) -> TrainSettings:
    """6 layers of width 320 with a vocabulary of 8,192: 10.1 million parameters.

    1e-3, falling to a tenth, is what nanoGPT gives its own model of this size.
    """
    return TrainSettings(
        model="mini", num_layers=6, num_heads=5, width=320, context=256,
        num_steps=0, num_tokens=num_tokens, sequences_per_step=16, sequences_per_pass=16,
        learning_rate=1e-3, warmup_steps=100, precision="bfloat16", num_threads=num_threads,
        validate_every=250, validation_tokens=50_000, checkpoint_every=SAVE_EVERY,
        sample_tokens=200,
    )  # fmt: skip


def train_ours(settings: TrainSettings, root: Path, out: Path) -> None:
    """Train with the project's trainer into out/ours."""
    folder = out / "ours"
    folder.mkdir(parents=True, exist_ok=True)
    train(
        settings, seed=SEED, shards=root / "shards", tokenizer=root / "tokenizer", folder=folder,
        log=_log,
    )  # fmt: skip
    _log(write_samples(folder, tokenizer=root / "tokenizer", settings=settings, seed=SEED))


def train_nanogpt(settings: TrainSettings, root: Path, out: Path) -> None:
    """Train nanoGPT's model by its recipe into out/nanogpt."""
    source, folder = nanogpt.checkout(), out / "nanogpt"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "data").exists():
        export = ["shards", "export", str(folder / "data"), "--to", "nanogpt", "--root", str(root)]
        subprocess.run([sys.executable, "-m", "jobs.cli", *export], check=True)
    torch.set_num_threads(settings.num_threads)
    torch.manual_seed(SEED)
    model, optimizer = _nanogpt(settings, source, read_manifest(root / "shards").vocab_size)
    step, seconds = _resume(folder, model, optimizer)
    take = _nanogpt_step(settings, source, folder / "data", model, optimizer)
    while step < Schedule(settings).total_steps:
        started = time.perf_counter()
        loss = take(step)
        seconds += time.perf_counter() - started
        step += 1
        with (folder / "train.jsonl").open("a", encoding="utf-8") as lines:
            row = {"step": step, "loss": loss, "seconds": round(seconds, 3)}
            lines.write(json.dumps(row) + "\n")
        if step % SAVE_EVERY == 0 or step == Schedule(settings).total_steps:
            _log(f"nanoGPT: step {step} of {Schedule(settings).total_steps}, loss {loss:.3f}")
            state = {
                "model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                "seconds": seconds, "random": torch.get_rng_state(),
            }  # fmt: skip
            torch.save(state, folder / "checkpoint.tmp")
            (folder / "checkpoint.tmp").replace(folder / "checkpoint.pt")


def _nanogpt(settings: TrainSettings, source: Path, vocab_size: int) -> tuple[Any, Any]:
    shape = settings.shape()
    model = nanogpt.build(
        source, num_layers=shape.num_layers, num_heads=shape.num_heads, width=shape.width,
        context=shape.context, vocab_size=vocab_size,
    )  # fmt: skip
    return model, nanogpt.optimizer(
        model,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        betas=(settings.beta1, settings.beta2),
    )


def _resume(folder: Path, model: Any, optimizer: Any) -> tuple[int, float]:
    if not (folder / "checkpoint.pt").exists():
        return 0, 0.0
    state = torch.load(folder / "checkpoint.pt")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    return state["step"], state["seconds"]


def _nanogpt_step(
    settings: TrainSettings, source: Path, data: Path, model: Any, optimizer: Any
) -> Callable[[int], float]:
    """One step as its train.py does it, but in bfloat16; returns the loss."""
    chosen = nanogpt.recipe(source, {
        "data_dir": str(data), "block_size": settings.shape().context, "device_type": "cpu",
        "device": "cpu", "batch_size": settings.sequences_per_step,
        "learning_rate": settings.learning_rate, "warmup_iters": settings.warmup_steps,
        "min_lr": settings.learning_rate * settings.min_learning_rate_fraction,
        "lr_decay_iters": Schedule(settings).total_steps,
    })  # fmt: skip

    def take(step: int) -> float:
        for group in optimizer.param_groups:
            group["lr"] = chosen["get_lr"](step)
        inputs, targets = chosen["get_batch"]("train")
        with torch.autocast("cpu", torch.bfloat16):
            _, loss = model(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        found: float = loss.item()
        return found

    return take


def report(settings: TrainSettings, root: Path, out: Path) -> None:
    """Score the validation split with both, and write out/report.json."""
    manifest = read_manifest(root / "shards")
    stream = open_split(root / "shards", manifest, "validation")
    lengths = token_lengths(load(root / "tokenizer"))
    torch.set_num_threads(settings.num_threads)
    ours = open_model(out / "ours")
    theirs, _ = _nanogpt(settings, nanogpt.checkout(), manifest.vocab_size)
    theirs.load_state_dict(torch.load(out / "nanogpt" / "checkpoint.pt")["model"])
    losses = {
        "ours": ours.loss,
        "nanogpt": lambda inputs, targets, *_: theirs(inputs, targets.contiguous())[1],
    }
    taken = {
        "ours": _taken(out / "ours" / "timing.jsonl", settings, is_sum=True),
        "nanogpt": _taken(out / "nanogpt" / "train.jsonl", settings, is_sum=False),
    }
    rows = {}
    for side, loss_of in losses.items():
        found = evaluate(
            ours, stream, lengths, num_sequences=EVALUATED_AT_ONCE, loss_of=loss_of,
            num_tokens=settings.validation_tokens,
        )  # fmt: skip
        assert found is not None
        rows[side] = {**taken[side], **asdict(found)}
    text = json.dumps(rows, indent=1)
    (out / "report.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def _taken(path: Path, settings: TrainSettings, *, is_sum: bool) -> dict[str, float]:
    """Tokens and seconds of the steps: of each line, or of all up to it."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    steps = {row["step"]: row["seconds"] for row in lines if row["step"]}
    seconds = sum(steps.values()) if is_sum else steps[max(steps)]
    tokens = max(steps) * settings.sequences_per_step * settings.shape().context
    return {"tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds}


def _log(message: str) -> None:
    print(message, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ten_million")
    parser.add_argument("side", choices=("ours", "nanogpt", "report"))
    parser.add_argument("--root", type=Path, required=True, help="root with shards and tokenizer")
    parser.add_argument("--out", type=Path, default=Path("build/ten_million"))
    parser.add_argument("--tokens", type=int, default=8_192_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--validation-tokens", type=int, default=0, help="of report; 0 = all")
    parser.add_argument("--nanogpt", type=Path, help=f"overrides {NANOGPT_VARIABLE}")
    arguments = parser.parse_args()
    if arguments.nanogpt:
        os.environ[NANOGPT_VARIABLE] = str(arguments.nanogpt)
    settings = settings_of(arguments.tokens, arguments.threads)
    if arguments.side == "report":
        settings = msgspec.structs.replace(settings, validation_tokens=arguments.validation_tokens)
    side = {"ours": train_ours, "nanogpt": train_nanogpt, "report": report}[arguments.side]
    side(settings, arguments.root, arguments.out)


if __name__ == "__main__":
    main()
