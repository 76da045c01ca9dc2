"""How likely a model holds a text: a continuation of a context, or a whole text.

A continuation's log-likelihood is the sum of its tokens' log-probabilities after the context, as
lm-evaluation-harness's `loglikelihood` has it (Gao et al. 2021); that of a whole text after
end-of-text alone is its `loglikelihood_rolling`, which perplexity is made of. Both begin with
end-of-text, as each document does in training; the harness only where the context is empty.
`score_texts` gives nats and UTF-8 bytes of texts, by which models of any tokenizer compare.

The seam. Context and continuation are encoded together, as the model saw text in training: apart,
"is" and " so" would be right, but "is " and "so" tokens that never stood side by side. White space
that ends the context is moved to the continuation first, as it belongs to the token after it. The
tokens that the whole shares with the context's own encoding are context, all after them is scored.
The harness cuts after as many tokens as the context has by itself, which is the same unless a token
spans the seam: it then leaves out what was joined, here it is scored, and `joined` tells.

Windows. A text longer than the model's context is scored in windows, each token once, with as many
tokens before it as fit; the first tokens of a window have fewer, at least `min_context`. Where a
continuation fits by itself, its context is cut from the left instead, as the harness does.

Sequences of a batch are padded on the right, where causal attention does not look: batches change a
figure by float rounding alone. Cost: a pass over context and continuation of each request, but one
pass alone for requests that read the same tokens, such as the letters A to D after a question, and
one over what neighbours begin with (prefixes.py); logits are made of scored tokens only, a chunk at
a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from corpus.errors import InputError
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.evaluation.prefixes import hidden_states
from corpus.trainer.head import CHUNK_BYTES
from corpus.trainer.model import GPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Token ids to score, and those before them."""

    context: tuple[int, ...]
    """At least one."""
    continuation: tuple[int, ...]
    """What is scored, each given all before it; at least one."""
    joined: bool = False
    """Whether a token spans the seam, so that the end of the context is scored too."""

    @property
    def num_read(self) -> int:
        """Tokens that a model must read to score all of it at once."""
        return len(self.context) + len(self.continuation) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a model makes of a request."""

    token_log_probabilities: tuple[float, ...]
    """Of each token of the continuation, in nats."""
    is_greedy: bool
    """Whether each token was the likeliest at its place."""

    @property
    def log_likelihood(self) -> float:
        """Of the continuation, in nats."""
        return math.fsum(self.token_log_probabilities)

    @property
    def num_tokens(self) -> int:
        """Tokens of the continuation."""
        return len(self.token_log_probabilities)


class Window(NamedTuple):
    """One pass: ids[start:end - 1] go in, and ids[first:end] are scored."""

    start: int
    first: int
    end: int


def encode_pair(vocabulary: Vocabulary, context: str, continuation: str) -> Request:
    """A request of two texts; the context may be empty. Raises InputError where nothing follows."""
    return encode_pairs(vocabulary, [(context, continuation)])[0]


def encode_pairs(vocabulary: Vocabulary, pairs: Sequence[tuple[str, str]]) -> list[Request]:
    """Requests of (context, continuation), as encode_pair makes them; each text is encoded once."""
    parted = [_at_the_word(*pair) for pair in pairs]
    texts = list(dict.fromkeys(text for kept, moved in parted for text in (kept, kept + moved)))
    ids = dict(zip(texts, vocabulary.encode(texts), strict=True))
    return [
        _request(vocabulary, ids[kept], ids[kept + moved], pair)
        for (kept, moved), pair in zip(parted, pairs, strict=True)
    ]


def _at_the_word(context: str, continuation: str) -> tuple[str, str]:
    """Context and continuation, with the white space between them in the continuation."""
    if not continuation:
        raise InputError(
            f"a continuation of {context[-40:]!r}: it is empty, expected at least a character"
        )
    kept = context.rstrip()
    return kept, context[len(kept) :] + continuation


def _request(
    vocabulary: Vocabulary, alone: Sequence[int], whole: Sequence[int], pair: tuple[str, str]
) -> Request:
    shared = 0
    while shared < min(len(alone), len(whole)) and alone[shared] == whole[shared]:
        shared += 1
    if shared == len(whole):
        raise InputError(f"{pair[1]!r} after {pair[0][-40:]!r}: the tokenizer drops all of it")
    return Request(
        context=(vocabulary.eot_id, *whole[:shared]),
        continuation=tuple(whole[shared:]),
        joined=shared < len(alone),
    )


def encode_whole(vocabulary: Vocabulary, text: str) -> Request:
    """A request of a whole text after end-of-text alone; raises InputError for an empty one."""
    return encode_pair(vocabulary, "", text)


def windows(num_ids: int, first: int, context: int, *, min_context: int = 1) -> Iterator[Window]:
    """Cut a sequence so that ids[first:] are scored in order, each once; first at least 1.

    Each window reads as many ids as fit, at most `context`, and each scored id has min_context
    before it, or all there are. With min_context 1 these are the harness's.
    """
    while first < num_ids:
        end = min(num_ids, max(first + context - min_context + 1, context + 1))
        yield Window(max(0, end - 1 - context), first, end)
        first = end


def score(
    model: GPT, requests: Sequence[Request], *, num_sequences: int = 8, min_context: int = 1
) -> list[Scored]:
    """Score each request; num_sequences are in memory at once. Runs under the caller's autocast."""
    context = model.shape.context
    if not 1 <= min_context <= context:
        raise ValueError(f"min_context is {min_context}, expected 1 to the context of {context}")
    sequences = [(*request.context, *request.continuation) for request in requests]
    by_input: dict[tuple[int, ...], list[tuple[int, Window]]] = {}
    for number, request in enumerate(requests):
        ids = sequences[number]
        for window in windows(len(ids), len(request.context), context, min_context=min_context):
            read = ids[window.start : window.end - 1]
            by_input.setdefault(read, []).append((number, window))
    # Long contexts first, for little padding, and those of one context together.
    inputs = sorted(by_input, key=lambda read: _order(requests[by_input[read][0][0]], read))
    found: dict[tuple[int, int], list[tuple[float, bool]]] = {}
    for at in range(0, len(inputs), num_sequences):
        rows = inputs[at : at + num_sequences]
        work = [(row, *one) for row, read in enumerate(rows) for one in by_input[read]]
        parts = [(row, sequences[number], window) for row, number, window in work]
        for (_, number, window), tokens in zip(work, _score_batch(model, rows, parts), strict=True):
            found[number, window.first] = tokens
    by_request: list[list[tuple[float, bool]]] = [[] for _ in requests]
    for (number, _), tokens in sorted(found.items(), key=lambda item: item[0]):
        by_request[number].extend(tokens)
    return [
        Scored(
            token_log_probabilities=tuple(value for value, _ in tokens),
            is_greedy=all(likeliest for _, likeliest in tokens),
        )
        for tokens in by_request
    ]


def _order(request: Request, read: Sequence[int]) -> tuple[int, tuple[int, ...], int]:
    return -min(len(request.context), len(read)), request.context, -len(read)


@torch.no_grad()
def _score_batch(
    model: GPT, rows: Sequence[Sequence[int]], parts: Sequence[tuple[int, Sequence[int], Window]]
) -> list[list[tuple[float, bool]]]:
    """Log-probability of each scored token, and whether it was the likeliest, by part.

    rows: what is read. parts: of which row, ids, and the window whose tokens are scored.
    """
    device = model.tokens.weight.device
    hidden = hidden_states(model, rows)  # (R, T, D)
    places = torch.cat([
        row * hidden.shape[1] + torch.arange(window.first - 1, window.end - 1) - window.start
        for row, _, window in parts
    ])  # fmt: skip
    targets = [token for _, ids, window in parts for token in ids[window.first : window.end]]
    hidden = hidden.flatten(0, 1)[places.to(device)]  # (N, D)
    tokens = _token_scores(model, hidden, torch.tensor(targets, device=device))
    sizes = [window.end - window.first for _, _, window in parts]
    starts = [sum(sizes[:row]) for row in range(len(sizes))]
    return [tokens[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def _token_scores(model: GPT, hidden: Tensor, targets: Tensor) -> list[tuple[float, bool]]:
    """Of hidden states (N, D) and the ids that follow them, (N,)."""
    found: list[tuple[float, bool]] = []
    for ids, logits in _logits(model, hidden, targets):
        values = _log_probabilities(logits, ids)
        likeliest = logits.argmax(1) == ids
        found.extend(zip(values.tolist(), likeliest.tolist(), strict=True))
    return found


def token_log_probabilities(model: GPT, hidden: Tensor, targets: Tensor) -> Tensor:
    """Of the ids (N,) that follow hidden states (N, D): float32 (N,), in nats."""
    found = [_log_probabilities(logits, ids) for ids, logits in _logits(model, hidden, targets)]
    return torch.cat(found) if found else hidden.new_empty(0, dtype=torch.float32)


def _log_probabilities(logits: Tensor, ids: Tensor) -> Tensor:
    return logits.gather(1, ids[:, None])[:, 0] - logits.logsumexp(1)


def _logits(model: GPT, hidden: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Targets and float32 logits of a chunk of rows at a time."""
    weight = model.tokens.weight[: model.vocab_size]
    num_rows = max(32, CHUNK_BYTES.get(hidden.device.type, 10**9) // (4 * len(weight)))
    for start in range(0, len(hidden), num_rows):
        rows = slice(start, start + num_rows)
        yield targets[rows], F.linear(hidden[rows], weight).float()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextScore:
    """What a model makes of a text."""

    text_id: str
    nats: float
    """Minus the log-likelihood of the text after end-of-text; no end-of-text after it is scored."""
    num_bytes: int
    """UTF-8 bytes of the text as it was given."""
    num_tokens: int


def score_texts(
    model: GPT,
    vocabulary: Vocabulary,
    texts: Iterable[tuple[str, str]],
    *,
    num_sequences: int = 8,
    min_context: int | None = None,
) -> list[TextScore]:
    """Score texts, each given as (id, text), from end-of-text on, each token once.

    The sum of nats over the sum of bytes, by `bits_per_byte`, compares models of any tokenizers.
    min_context: tokens before each one at least, in a text longer than the context (`windows`);
    None = half the context, which costs two passes over such a text. An empty text has 0 of all.
    """
    named = list(texts)
    encoded = vocabulary.encode([text for _, text in named])
    requests = [
        Request(context=(vocabulary.eot_id,), continuation=tuple(ids)) for ids in encoded if ids
    ]
    least = max(1, model.shape.context // 2) if min_context is None else min_context
    scored = iter(score(model, requests, num_sequences=num_sequences, min_context=least))
    return [
        TextScore(
            text_id=text_id,
            nats=-next(scored).log_likelihood if ids else 0.0,
            num_bytes=len(text.encode()),
            num_tokens=len(ids),
        )
        for (text_id, text), ids in zip(named, encoded, strict=True)
    ]


def perplexity(log_likelihood: float, num_units: int) -> float:
    """exp of the mean loss: per token, word or byte, by what is counted."""
    return math.exp(-log_likelihood / num_units)


def bits_per_byte(log_likelihood: float, num_bytes: int) -> float:
    """Of a text of so many UTF-8 bytes."""
    return -log_likelihood / math.log(2) / num_bytes
