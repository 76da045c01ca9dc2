"""`winnow plan`: tokens, epochs, storage, hours and FLOPs of a training run, before it is made.

What there is comes from a finished root, or from one that was run on a share of the corpus; what is
wanted from a model or a budget. corpus/scaling.py and filters/planning.py have the formulas, and
plan_text.py the words.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from corpus.errors import ConfigError
from corpus.storage import Store
from jobs.options import json_option, read_settings, remembered, set_option
from jobs.plan_text import lines

if TYPE_CHECKING:
    from corpus.scaling import Law
    from corpus.trainer.shapes import ModelShape
    from filters.mixture import SourcePlan
    from filters.planning import Target
    from jobs.plan_counts import Counts
    from jobs.recipe import Recipe


@click.command()
@click.option("--root", help="A finished run: its tables are the corpus.")
@click.option("--sample", metavar="ROOT", help="A run on a share of the corpus.")
@click.option("--sample-share", type=click.FloatRange(0, 1, min_open=True),
              help="The share that --sample is.")  # fmt: skip
@click.option("--recipe", help="NAME or FILE.toml; the root's last one where not given.")
@set_option
@click.option("--model", help="A preset of the trainer: gpt2, gpt3-125m, ... gpt3-175b.")
@click.option("--params", "num_parameters", type=float, help="Parameters, as 1.3e9.")
@click.option("--flops", type=float, help="Training FLOPs, as 5.76e23.")
@click.option("--tokens", "num_tokens", type=float, help="Tokens to train on, instead of a law's.")
@click.option("--law", default="epoch", show_default=True,
              help="Scaling law: epoch, hoffmann, hoffmann_unrounded, kaplan.")  # fmt: skip
@click.option("--bytes-per-token", type=float,
              help="Instead of what the root's documents have.")  # fmt: skip
@click.option("--cores", type=click.IntRange(1), help="Cores that the pipeline will have.")
@click.option("--peak-flops", type=float, help="A device's FLOPs a second, as 989e12.")
@click.option("--utilisation", type=click.FloatRange(0, 1, min_open=True),
              help="Share of --peak-flops that training reaches, as 0.4.")  # fmt: skip
@click.option("--explain", is_flag=True, help="Print the formula and source of every figure.")
@json_option
def plan(as_json: bool, explain: bool, **options: Any) -> None:
    """Plan a training run: tokens needed, epochs of each source, storage, hours, FLOPs.

    \b
    Example: winnow plan --root build/real --model gpt3-125m
             winnow plan --recipe gpt3 --flops 3.14e23 --law kaplan --explain
             winnow plan --sample out/one --sample-share 0.01 --params 1.3e9 --cores 1000
             winnow plan --root out --model gpt2 --peak-flops 989e12 --utilisation 0.4
    """
    found = make_plan(**options)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for line in lines(found, explain=explain):
        click.echo(line)


def make_plan(
    *,
    root: str | None,
    sample: str | None,
    sample_share: float | None,
    recipe: str | None,
    overrides: tuple[str, ...],
    model: str | None,
    num_parameters: float | None,
    flops: float | None,
    num_tokens: float | None,
    law: str,
    bytes_per_token: float | None,
    cores: int | None,
    peak_flops: float | None,
    utilisation: float | None,
) -> dict[str, Any]:
    """The plan as plain values; raises ConfigError for options that contradict each other."""
    _check(
        root=root, sample=sample, sample_share=sample_share, recipe=recipe, model=model,
        num_parameters=num_parameters, flops=flops, num_tokens=num_tokens,
        bytes_per_token=bytes_per_token, peak_flops=peak_flops, utilisation=utilisation,
    )  # fmt: skip
    from filters import planning
    from jobs.plan_counts import read_counts

    place = root or sample
    settings = (
        read_settings(*remembered(place, recipe, overrides))
        if place
        else read_settings(str(recipe), overrides)
    )
    counts = read_counts(Store(place), sample_share or 1.0) if place else None
    vocab_size = settings.vocabulary.size
    if counts is not None and root and counts.vocab_size:
        vocab_size = counts.vocab_size
    chosen, shape = _law(law), _shape(model)
    aim = planning.target(
        chosen, shape=shape, vocab_size=vocab_size, num_parameters=num_parameters or 0,
        flops=flops or 0, num_tokens=num_tokens or 0,
    )  # fmt: skip
    found: dict[str, Any] = {
        "recipe": settings.name,
        "counted_in": counts.how if counts else "nothing: no root or sample was given",
        "target": {"model": model, "vocab_size": vocab_size, **aim._asdict()},
        "laws": planning.by_every_law(aim, shape, flops or 0),
        "training": _training(aim, shape, vocab_size, peak_flops, utilisation),
    }
    width = _bytes_per_token(counts, bytes_per_token)
    if counts and (bytes_per_token or not any(t.num_tokens for t in counts.totals)):
        counts = replace(counts, totals=planning.with_tokens(counts.totals, width[0]))
    planned = _planned(settings, counts, aim.num_tokens) if counts else None
    found |= _corpus(settings, counts, planned, aim, width, vocab_size)
    return found | _work(settings, counts, planned, cores)


def _planned(settings: Recipe, counts: Counts, num_tokens: float) -> list[SourcePlan]:
    """The mixture's own plan for so many tokens."""
    import msgspec

    from filters import mixture

    asked = msgspec.structs.replace(
        settings.mix, total_tokens=max(1, round(num_tokens)), over_max_epochs="warn"
    )
    return mixture.plan(counts.totals, asked, known_sources=settings.sources)


def _check(**given: Any) -> None:
    """Refuse what contradicts itself, and what cannot be a number of anything."""
    for name in ("num_parameters", "flops", "num_tokens", "bytes_per_token", "peak_flops"):
        value = given[name]
        if value is not None and not 0 < value < float("inf"):
            option = name.removeprefix("num_").replace("parameters", "params").replace("_", "-")
            raise ConfigError(f"--{option} is {value:g}, expected a number above 0")
    if given["root"] and given["sample"]:
        raise ConfigError("--root and --sample: both say what there is; give one of them")
    if bool(given["sample"]) != (given["sample_share"] is not None):
        raise ConfigError("--sample and --sample-share: expected both or neither: --sample ROOT "
                          "--sample-share 0.01 takes the root for a hundredth")  # fmt: skip
    if not (given["root"] or given["sample"] or given["recipe"]):
        raise ConfigError("expected --root ROOT, --sample ROOT or --recipe NAME: what is planned?")
    targets = [name for name in ("model", "num_parameters", "flops") if given[name] is not None]
    if len(targets) != 1:
        raise ConfigError(f"expected one of --model, --params and --flops, got {len(targets)}")
    if (given["peak_flops"] is None) != (given["utilisation"] is None):
        raise ConfigError("--peak-flops and --utilisation: expected both or neither; no device is "
                          "taken for granted")  # fmt: skip


def _law(name: str) -> Law:
    from corpus.scaling import LAWS

    if name not in LAWS:
        raise ConfigError(f"--law {name}: unknown; expected one of {', '.join(LAWS)}")
    return LAWS[name]


def _shape(model: str | None) -> ModelShape | None:
    from corpus.trainer.shapes import PRESETS

    if model is None:
        return None
    if model not in PRESETS:
        raise ConfigError(f"--model {model}: unknown; expected one of {', '.join(PRESETS)}")
    return PRESETS[model]


def _bytes_per_token(counts: Counts | None, given: float | None) -> tuple[float, str]:
    from filters.planning import BYTES_PER_TOKEN

    if given is not None:
        return given, "as given"
    if counts is not None and (tokens := sum(t.num_tokens for t in counts.totals)):
        return sum(t.num_bytes for t in counts.totals) / tokens, (
            "the root's documents, each source by its own; an end-of-text after each text included"
        )
    return BYTES_PER_TOKEN, "WebText2: 96 GB are 2.29e10 tokens of GPT-2's (Kaplan, section 2.3)"


def _training(
    aim: Target,
    shape: ModelShape | None,
    vocab_size: int,
    peak_flops: float | None,
    utilisation: float | None,
) -> dict[str, Any]:
    from corpus import scaling

    flops = scaling.training_flops(aim.num_parameters, aim.num_tokens)
    found: dict[str, Any] = {"flops": flops, "how": "6 N D (Kaplan et al. 2020, section 2.1)"}
    if shape is not None:
        flops = scaling.flops_per_token(shape, vocab_size) * aim.num_tokens
        found["flops_with_attention"] = flops
        found["how"] += (
            "; with attention: 3 (2 (12 L d^2 + V d) + 4 L T d) a token, L layers of width d, V "
            "tokens of vocabulary, T of context (Hoffmann et al. 2022, appendix F; biases, norms "
            "and softmax left out)"
        )
    if peak_flops is not None and utilisation is not None:
        found["device_hours"] = scaling.device_hours(
            flops, peak_flops=peak_flops, utilisation=utilisation
        )
        which = "FLOPs with attention" if shape is not None else "FLOPs"
        found["how"] += f"; hours: {which} / ({peak_flops:g} x {utilisation:g}) / 3600"
    return found


def _corpus(
    settings: Recipe,
    counts: Counts | None,
    planned: list[SourcePlan] | None,
    aim: Target,
    bytes_per_token: tuple[float, str],
    vocab_size: int,
) -> dict[str, Any]:
    """Tokens of each source, and what all takes on disk."""
    from filters import planning

    width, how = bytes_per_token
    mix = settings.mix
    found: dict[str, Any] = {"bytes_per_token": {"value": width, "how": how}}
    if planned is None:
        needs = planning.needs_by_weight(mix.weights, aim.num_tokens)
        shards = planning.shard_storage(aim.num_tokens, vocab_size=vocab_size)
    else:
        needs = planning.needs(planned, max_epochs=mix.max_epochs)
        found["most_tokens"] = {
            f"{epochs:g}": planning.most_tokens(planned, epochs=epochs)
            for epochs in dict.fromkeys((1.0, mix.max_epochs))
        }
        shards = planning.shard_storage(
            aim.num_tokens,
            vocab_size=vocab_size,
            num_copies=sum(one.epochs * one.num_documents for one in planned),
        )
    stored = {
        name: {"bytes": size, "how": "as published, by the manifests, divided by the share"}
        for name, size in (counts.stored if counts else {}).items()
    }
    found["sources"] = [need._asdict() for need in needs]
    found["max_epochs"] = mix.max_epochs
    found["warnings"] = planning.warnings(needs, max_epochs=mix.max_epochs)
    found["storage"] = stored | {n: {"bytes": b, "how": h} for n, (b, h) in shards.items()}
    return found


def _work(
    settings: Recipe,
    counts: Counts | None,
    planned: list[SourcePlan] | None,
    cores: int | None,
) -> dict[str, Any]:
    """Projected hours of the stages; none where nothing is known of the corpus."""
    from filters import planning

    if counts is None or planned is None:
        if cores is not None:
            raise ConfigError("--cores: hours follow from a corpus; expected --root or --sample")
        return {"cores": None, "hours": []}
    times = planning.stage_times(
        counts.volume,
        engine=settings.extract.engine,
        mixed_bytes=sum(one.num_bytes for one in planned),
        drawn_bytes=planning.drawn_once(planned),
        is_trained=not settings.vocabulary.path,
    )
    rows = [
        {
            "stage": time.stage,
            "core_hours": time.core_seconds / 3600,
            "hours": planning.hours(time.core_seconds, cores) if cores else None,
            "how": time.how,
        }
        for time in times
    ]
    return {"cores": cores, "hours": rows}


__all__ = ["make_plan", "plan"]
