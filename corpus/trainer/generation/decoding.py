"""Which token comes next: sampling with temperature, top-k and top-p, and beam search.

Sampling: logits / temperature, softmax, the top_k likeliest tokens, of these the fewest whose share
is at least top_p (the nucleus: Holtzman et al. 2020, section 3.1), and a draw by inverse cumulative
chance in the order of ids, all in float64. The draws are Python's `random.Random(seed).random()`,
one a token, which keeps its sequence across versions: the same logits and seed give the same ids.

Beam search: of all ways to go on from `width` sequences the `width` likeliest are kept. A sequence
is scored by its log-probability over a length penalty, ((5 + length) / 6) ** alpha (Wu et al. 2016,
section 7). Brown et al. 2020, section 2.4, have a width of 4 and "a length penalty of alpha = 0.6"
and do not state the form; this is the one of the code bases of their time. A beam may lose the
greedy continuation, whose score may be the better one; it is carried along here, one row more, so
that the result never scores below it. The end-of-text that ends a sequence counts in its
log-probability and its length.

Cost: a pass a token over one row, or width + 1; cache.py says which.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from corpus.trainer.generation.cache import Decoder
from corpus.trainer.model import GPT

Ids = tuple[int, ...]
Ending = Literal["end_of_text", "stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """Ids that follow a prompt, and why they end."""

    ids: Ids
    """Without the end-of-text that may have ended them."""
    log_probability: float
    """Of all chosen tokens under the model, end-of-text included, in nats: without temperature."""
    ending: Ending

    @property
    def length(self) -> int:
        """Tokens chosen, end-of-text included."""
        return len(self.ids) + (self.ending == "end_of_text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a continuation is over."""

    eot_id: int
    num_tokens: int
    """At most so many."""
    min_tokens: int = 0
    """Before so many, end-of-text is never chosen."""
    stops: Callable[[Sequence[int]], bool] | None = None
    """Whether these ids of a continuation are its end."""

    def ending(self, ids: Sequence[int], token: int) -> Ending | None:
        """Why a continuation ends with this token after ids, or None where it goes on."""
        if token == self.eot_id:
            return "end_of_text"
        if self.stops is not None and self.stops([*ids, token]):
            return "stop"
        return "length" if len(ids) + 1 == self.num_tokens else None


def sample(
    model: GPT,
    prompt: Sequence[int],
    limits: Limits,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    cached: bool = True,
) -> Continuation:
    """Draw a continuation; temperature 0 takes the likeliest token, the smallest id of equals.

    prompt: at least one id; of a long one the last `context` count. top_k 0, top_p 1 = all tokens.
    """
    draws = random.Random(seed)
    decoder = Decoder(model, [prompt], cached=cached)
    ids: list[int] = []
    total = 0.0
    while True:
        logits = decoder.logits().double()
        allowed = _allowed(logits, limits, len(ids))[0]
        if temperature == 0:
            token = int(allowed.argmax())
        else:
            shares = chances(allowed, temperature=temperature, top_k=top_k, top_p=top_p)
            token = draw(shares, draws.random())
        total += float(logits[0].log_softmax(0)[token])
        ending = limits.ending(ids, token)
        if token != limits.eot_id:
            ids.append(token)
        if ending is not None:
            return Continuation(ids=tuple(ids), log_probability=total, ending=ending)
        decoder.extend([token])


def chances(logits: Tensor, *, temperature: float, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    """Shares of the tokens that may be drawn, 0 of all others: (V,) to float64 (V,), sum not 1.

    Of equally likely tokens at a limit those with the smaller ids stay.
    """
    shares = torch.softmax(logits.double() / temperature, 0)
    num_kept = top_k if 0 < top_k < len(shares) else len(shares)
    if num_kept == len(shares) and top_p >= 1:
        return shares
    ids = (shares >= shares.topk(num_kept).values[-1]).nonzero()[:, 0]  # few are left to sort
    ordered, places = shares[ids].sort(descending=True, stable=True)
    ids = ids[places]
    if top_p < 1:
        before = ordered[:num_kept].cumsum(0) - ordered[:num_kept]
        num_kept = max(1, int((before < top_p * ordered[:num_kept].sum()).sum()))
    return torch.zeros_like(shares).index_copy_(0, ids[:num_kept], ordered[:num_kept])


def draw(shares: Tensor, number: float) -> int:
    """The token at which the shares, added up by id, pass number of their sum; 0 <= number < 1."""
    upto = shares.cumsum(0)
    token = int(torch.searchsorted(upto, number * upto[-1], right=True))
    return min(token, int(shares.nonzero()[-1]))  # a product may round up to the whole


def _allowed(logits: Tensor, limits: Limits, num_chosen: int) -> Tensor:
    """Logits (B, V), or -infinity for an end-of-text that would come too early."""
    if num_chosen >= limits.min_tokens:
        return logits
    early = torch.tensor([limits.eot_id], device=logits.device)
    return logits.index_fill(1, early, -torch.inf)


def length_penalty(length: int, alpha: float) -> float:
    """What a log-probability is divided by: 1 at one token, or where alpha is 0."""
    return ((5 + length) / 6) ** alpha


def score(continuation: Continuation, alpha: float) -> float:
    """What beam search maximises."""
    return continuation.log_probability / length_penalty(continuation.length, alpha)


@dataclass(frozen=True, slots=True)
class _Beam:
    """A sequence that goes on."""

    ids: Ids
    log_probability: float
    is_greedy: bool
    """Whether each of its tokens was the likeliest."""
    parent: int
    """Row of the sequence before it."""


def search(
    model: GPT,
    prompt: Sequence[int],
    limits: Limits,
    *,
    width: int,
    alpha: float = 0.6,
    cached: bool = True,
) -> Continuation:
    """The best continuation that beam search finds, and no worse than that of temperature 0.

    It ends when no sequence that goes on can still beat the best that is over: a log-probability
    only falls, and the penalty is at most that of one token or of num_tokens.
    """
    decoder = Decoder(model, [prompt], cached=cached)
    beams = [_Beam((), 0.0, True, 0)]
    over: list[Continuation] = []
    largest = max(1.0, length_penalty(limits.num_tokens, alpha))
    while True:
        ends, beams = _next(decoder.logits(), beams, limits, width)
        over = [max([*over, *ends], key=lambda end: score(end, alpha))] if over or ends else []
        if not beams:
            break
        hope = max(beam.log_probability for beam in beams) / largest
        if over and hope <= score(over[0], alpha):
            break
        decoder.extend([beam.ids[-1] for beam in beams], [beam.parent for beam in beams])
    return over[0]


def _next(
    logits: Tensor, beams: list[_Beam], limits: Limits, width: int
) -> tuple[list[Continuation], list[_Beam]]:
    """What ends with one more token, and what goes on: the `width` likeliest, and the greedy one.

    An end counts where fewer than `width` sequences that go on are likelier, and takes the place of
    none. Where all that is left ends, as with the last token, the likeliest end is enough: ends of
    one step have one length.
    """
    steps = logits.double().log_softmax(1)
    steps = _allowed(steps, limits, len(beams[0].ids))
    best = steps.argmax(1).tolist()
    totals = steps + torch.tensor([[beam.log_probability] for beam in beams], dtype=torch.float64)
    totals, num_tokens = totals.flatten(), totals.shape[1]
    order = totals.sort(descending=True, stable=True).indices
    places = {row * num_tokens + best[row] for row, beam in enumerate(beams) if beam.is_greedy}
    ends: list[Continuation] = []
    going_on: list[_Beam] = []

    def take(place: int) -> None:
        row, token = divmod(place, num_tokens)
        beam, total = beams[row], float(totals[place])
        ending = limits.ending(beam.ids, token)
        ids = beam.ids if ending == "end_of_text" else (*beam.ids, token)
        if ending is not None:
            ends.append(Continuation(ids=ids, log_probability=total, ending=ending))
        else:
            going_on.append(_Beam(ids, total, beam.is_greedy and token == best[row], row))
        places.discard(place)

    is_last = len(beams[0].ids) + 1 == limits.num_tokens
    for rank in range(len(order)):
        place = int(order[rank])
        if len(going_on) == width or totals[place] == -torch.inf or (is_last and ends):
            break
        take(place)
    for place in tuple(places):  # the greedy sequence, where it has not been taken
        take(place)
    return ends, going_on
