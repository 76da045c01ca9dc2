"""A model on a text that is scored whole: perplexity per word and per token, and bits per byte.

The lines of a set, plain by its de-tokenizer and with a line break after each, are one stream that
follows end-of-text. It is scored in windows of the model's context, side by side, each token once,
as Radford et al. 2019 did: the first tokens of a window have little before them.

A word is one of the set's own tokens, and each line has one more, its end, as the sets' counts have
it: 245,569 words of WikiText-2's test split and 82,430 of the Penn Treebank's. Nats by words make
the perplexity that papers print, whatever the model's tokenizer; bits per byte are those of the
plain text. A line's nats are those of the tokens that begin in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.batches import Int64Array
from corpus.trainer.evaluation.detokenizers import DETOKENIZERS
from corpus.trainer.evaluation.results import Figure, TaskResult
from corpus.trainer.evaluation.running import Asking
from corpus.trainer.evaluation.scoring import Request, score
from corpus.trainer.evaluation.tasks import TASKS
from corpus.trainer.model import GPT

Line = tuple[str, str]
"""Id of the row that a line is of, and its text."""


def run_text(
    model: GPT,
    vocabulary: Vocabulary,
    benchmark: str,
    task_name: str,
    lines: Sequence[Line],
    how: Asking,
) -> TaskResult:
    """Score the first lines of a set, or all of them; under the caller's autocast."""
    taken = lines[: how.limit] if how.limit else lines
    undo = DETOKENIZERS[TASKS[task_name].detokenizer].undo
    plain = [undo(text) for _, text in taken]
    texts = [f"{text}\n" for text, _ in plain]
    words = tuple(float(len(text.split()) + 1) for _, text in taken)
    nats, tokens = _line_scores(model, vocabulary, texts, how)
    num_bytes = tuple(float(len(text.encode())) for text in texts)
    num_kept = sum(not is_undone for _, is_undone in plain)
    return TaskResult(
        benchmark=benchmark,
        task=task_name,
        num_shots=0,
        item_ids=tuple(item_id for item_id, _ in taken),
        figures=(
            Figure(name="perplexity_word", amounts=nats, units=words, is_exponential=True),
            Figure(name="perplexity_token", amounts=nats, units=tokens, is_exponential=True),
            Figure(
                name="bits_per_byte",
                amounts=tuple(one / math.log(2) for one in nats),
                units=num_bytes,
            ),
        ),
        chance=None,
        bad_rows={},
        notes=(
            f"{int(sum(words)):,} words in {len(taken):,} lines, {num_kept:,} of them left "
            "tokenized as they would not come back",
        ),
    )


def _line_scores(
    model: GPT, vocabulary: Vocabulary, texts: Sequence[str], how: Asking
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nats and tokens of each line: of those that begin in it."""
    ids, line = _encoded(vocabulary, texts)
    request = Request(context=(vocabulary.eot_id,), continuation=tuple(ids))
    [scored] = score(model, [request], num_sequences=how.num_sequences)
    nats = np.bincount(line, -np.array(scored.token_log_probabilities), len(texts))
    tokens = np.bincount(line, minlength=len(texts)).astype(np.float64)
    return tuple(nats.tolist()), tuple(tokens.tolist())


def _encoded(vocabulary: Vocabulary, texts: Sequence[str]) -> tuple[list[int], Int64Array]:
    """The ids of all lines as one text, and the line in which each one's first byte stands.

    A tokenizer of characters drops white space: its lines are encoded one by one.
    """
    if vocabulary.kind != "bytes":
        by_line = vocabulary.encode(texts)
        lines = np.repeat(np.arange(len(texts)), [len(line) for line in by_line])
        return [token for line in by_line for token in line], lines
    [ids] = vocabulary.encode(["".join(texts)])
    sizes = np.array([len(vocabulary.token_bytes[token]) for token in ids], np.int64)
    ends = np.cumsum([len(text.encode()) for text in texts])
    return ids, np.searchsorted(ends, np.cumsum(sizes) - sizes, "right")
