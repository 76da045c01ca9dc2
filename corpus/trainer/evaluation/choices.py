"""Multiple choice by likelihood: which of a question's answers a model holds for the best.

As GPT-3 was evaluated (Brown et al. 2020, section 2.4): each answer is scored after the question,
and answers of unlike length are compared by likelihood per token; for ARC, OpenBookQA and RACE,
where it helped on their development sets, by the likelihood after the question over that after
"Answer: " alone. NORMALISATIONS has both, the plain sum, and the harness's per byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.evaluation.scoring import Scored, encode_pairs, score
from corpus.trainer.model import GPT

ANSWER_CONTEXT = "Answer: "  # section 2.4: "Answer: " or "A: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of a choice as it was scored."""

    text: str
    log_likelihood: float
    """After the question, in nats."""
    num_tokens: int
    unconditional: float | None = None
    """Log-likelihood after ANSWER_CONTEXT alone, where it was asked for."""
    is_cut: bool = False
    """Whether question and answer are longer than the model's context, so that the question's
    beginning was not read."""


Normalisation = Callable[[Answer], float]


def by_sum(answer: Answer) -> float:
    """Log-likelihood as it is: favours short answers (the harness's acc)."""
    return answer.log_likelihood


def by_token(answer: Answer) -> float:
    """Log-likelihood per token: GPT-3's for most sets."""
    return answer.log_likelihood / answer.num_tokens


def by_byte(answer: Answer) -> float:
    """Log-likelihood per UTF-8 byte, white space about the answer not counted: of no tokenizer.

    The harness's acc_norm, which counts characters, is the same for ASCII.
    """
    return answer.log_likelihood / max(1, len(answer.text.strip().encode()))


def by_answer_context(answer: Answer) -> float:
    """Log of P(answer | question) / P(answer | "Answer: "): GPT-3's for ARC, OpenBookQA and RACE.

    An answer that is likely after anything gains nothing by it.
    """
    if answer.unconditional is None:
        raise ValueError("an answer without its unconditional likelihood; ask score_choices for it")
    return answer.log_likelihood - answer.unconditional


NORMALISATIONS: Mapping[str, Normalisation] = {
    "sum": by_sum,
    "per_token": by_token,
    "per_byte": by_byte,
    "answer_context": by_answer_context,
}


def score_choices(
    model: GPT,
    vocabulary: Vocabulary,
    questions: Sequence[tuple[str, Sequence[str]]],
    *,
    unconditional: bool = False,
    answer_context: str = ANSWER_CONTEXT,
    num_sequences: int = 8,
) -> list[list[Answer]]:
    """Score the answers of each question: (context, answers as they follow it, spaces included).

    unconditional: score them after answer_context too, by which the cost is higher.
    """
    pairs = [(context, text) for context, answers in questions for text in answers]
    requests = encode_pairs(vocabulary, pairs)
    after_question = score(model, requests, num_sequences=num_sequences)
    alone: list[Scored] | list[None] = [None] * len(pairs)
    if unconditional:
        generic = [(_before(answer_context, text), text) for _, text in pairs]
        alone = _score_pairs(model, vocabulary, generic, num_sequences)
    answered = (
        Answer(
            text=text,
            log_likelihood=scored.log_likelihood,
            num_tokens=scored.num_tokens,
            unconditional=generally.log_likelihood if generally else None,
            is_cut=request.num_read > model.shape.context,
        )
        for (_, text), request, scored, generally in zip(
            pairs, requests, after_question, alone, strict=True
        )
    )
    return [[next(answered) for _ in answers] for _, answers in questions]


def _score_pairs(
    model: GPT, vocabulary: Vocabulary, pairs: Sequence[tuple[str, str]], num_sequences: int
) -> list[Scored]:
    distinct = list(dict.fromkeys(pairs))
    scored = score(model, encode_pairs(vocabulary, distinct), num_sequences=num_sequences)
    found = dict(zip(distinct, scored, strict=True))
    return [found[pair] for pair in pairs]


def _before(answer_context: str, text: str) -> str:
    """The answer's context, without its last space where the answer brings its own."""
    return answer_context.rstrip() if text[:1].isspace() else answer_context


def choose(answers: Sequence[Answer], normalisation: Normalisation) -> int:
    """Which answer is the model's: the first of the best."""
    values = [normalisation(answer) for answer in answers]
    return values.index(max(values))
