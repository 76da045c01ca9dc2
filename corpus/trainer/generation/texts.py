"""Text from a trained model: sample.txt, and what follows a prompt.

A text goes on as a document begins: after end-of-text and the prompt. decoding.py chooses tokens;
here they are text, which ends before the first of the stop strings. The same weights, settings and
seed give the same text, on the same kind of processor and number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import ConfigError
from corpus.tokenizer.files import load
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.generation.decoding import Ending, Limits, sample, search
from corpus.trainer.model import GPT
from corpus.trainer.saved import open_model
from corpus.trainer.settings import TrainSettings

SAMPLE_FILE = "sample.txt"


def write_samples(folder: Path, *, tokenizer: Path, settings: TrainSettings, seed: int) -> str:
    """Write and return sample.txt: one continuation of each prompt."""
    model, vocabulary = open_model(folder), load(tokenizer)
    texts = []
    for number, prompt in enumerate(settings.sample_prompts):
        how = Generation(
            max_tokens=settings.sample_tokens,
            min_tokens=min(settings.sample_min_tokens, settings.sample_tokens),
            temperature=settings.temperature,
            top_k=settings.top_k,
            seed=seed + number,
        )
        texts.append(prompt + complete(model, vocabulary, prompt, how).text)
    joined = "\n\n=====\n\n".join(texts) + "\n"
    (folder / SAMPLE_FILE).write_text(joined, encoding="utf-8")
    return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """How text is made."""

    max_tokens: int
    """Tokens at most."""
    min_tokens: int = 0
    """End-of-text is not chosen before so many."""
    temperature: float = 1.0
    """Logits are divided by it; 0 takes the likeliest token."""
    top_k: int = 0
    """Only so many likeliest tokens are drawn from; 0 = all."""
    top_p: float = 1.0
    """Only the fewest likeliest tokens whose share is at least this are drawn from."""
    seed: int = 0
    """Of the draws."""
    num_beams: int = 1
    """Above 1: beam search of this width, which draws nothing; seed and the four above it but
    min_tokens have no part in it."""
    alpha: float = 0.6
    """Of beam search's length penalty (Brown et al. 2020, section 2.4)."""
    stops: tuple[str, ...] = ()
    """Strings that end the text; they and what follows are left out."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        faults = {
            f"max_tokens is {self.max_tokens}, expected at least 1": self.max_tokens < 1,
            f"min_tokens is {self.min_tokens}, expected 0 to max_tokens": not (
                0 <= self.min_tokens <= self.max_tokens
            ),
            f"temperature is {self.temperature}, expected a number >= 0": not (
                0 <= self.temperature < math.inf
            ),
            f"top_k is {self.top_k}, expected >= 0": self.top_k < 0,
            f"top_p is {self.top_p}, expected above 0 and at most 1": not 0 < self.top_p <= 1,
            f"num_beams is {self.num_beams}, expected at least 1": self.num_beams < 1,
            f"alpha is {self.alpha}, expected a finite number": not math.isfinite(self.alpha),
            "a stop string is empty; it would end every text at once": "" in self.stops,
        }
        for fault, is_so in faults.items():
            if is_so:
                raise ConfigError(f"generation: {fault}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What follows a prompt."""

    text: str
    """Without the prompt, and without the stop string that ended it."""
    ids: tuple[int, ...]
    """Tokens chosen, without end-of-text; where a stop string ended it, with its tokens."""
    ending: Ending
    """end_of_text, stop, or length: as many tokens as were asked for."""
    log_probability: float
    """Of the tokens chosen, in nats, under the model as it is."""


def complete(model: GPT, vocabulary: Vocabulary, prompt: str, how: Generation) -> Completion:
    """Go on from a prompt, of which the last `context` tokens count; an empty one begins a text."""
    ids = [vocabulary.eot_id, *vocabulary.encode([prompt])[0]]
    limits = Limits(
        eot_id=vocabulary.eot_id,
        num_tokens=how.max_tokens,
        min_tokens=how.min_tokens,
        stops=_stop_finder(vocabulary, how.stops) if how.stops else None,
    )
    if how.num_beams > 1:
        found = search(model, ids, limits, width=how.num_beams, alpha=how.alpha)
    else:
        found = sample(
            model, ids, limits, temperature=how.temperature, top_k=how.top_k, top_p=how.top_p,
            seed=how.seed,
        )  # fmt: skip
    text = vocabulary.decode(found.ids)
    return Completion(
        text=_before_stop(vocabulary, found.ids, how.stops) if found.ending == "stop" else text,
        ids=found.ids,
        ending=found.ending,
        log_probability=found.log_probability,
    )


def _stop_finder(
    vocabulary: Vocabulary, stops: Sequence[str]
) -> Callable[[Sequence[int]], bool]:
    """Whether the text of ids has a stop string, where that of the ids before the last had none."""
    wanted = [stop.encode() for stop in stops]
    longest = max(map(len, wanted))

    def has_stop(ids: Sequence[int]) -> bool:
        tail = vocabulary.token_bytes[ids[-1]]
        needed = longest - 1 + len(tail)  # a new stop string ends in the last token
        for token in reversed(ids[:-1]):
            if len(tail) >= needed:
                break
            tail = vocabulary.token_bytes[token] + tail
        return any(stop in tail for stop in wanted)

    return has_stop


def _before_stop(vocabulary: Vocabulary, ids: Sequence[int], stops: Sequence[str]) -> str:
    """The text of ids up to the first of the stop strings that it has."""
    text = b"".join(vocabulary.token_bytes[i] for i in ids)
    first = min(at for stop in stops if (at := text.find(stop.encode())) >= 0)
    return text[:first].decode("utf-8", "replace")
