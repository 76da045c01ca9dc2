"""The table of tasks: how each benchmark is asked, answered and scored. Needs no torch.

Prompts and normalisations are GPT-3's where its paper shows them (Brown et al. 2020, section 2.4
and the figures of appendix G); an entry that is not says whose it is. Where the figures do not tell
the white space between a question and its answer, it is one blank.

A prompt is: heading, the examples, the question. An example is the question's template and the
answer's, with the right answer; examples end with `between`. What is scored or completed follows
the question's template. Templates name the fields that the task's reader gives (items.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from corpus.trainer.evaluation import items

Kind = Literal["choice", "last_word", "free", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """How a benchmark is asked, answered and scored."""

    about: str
    kind: Kind
    """choice: which option is likeliest; last_word: whether a passage's last word is the likeliest,
    and its perplexity; free: what beam search writes is compared; text: perplexity of all of it."""
    benchmarks: tuple[str, ...]
    """Names of benchmarks in a recipe, or of entries of the registry, that are asked so."""
    read: items.Reader | None = None
    """From rows to questions; None for a text, which has none."""
    heading: str = ""
    """Before the examples."""
    question: str = ""
    answer: str = " {answer}"
    between: str = "\n\n"
    """Between examples (section 2.4: one or two line breaks)."""
    shot_question: str = ""
    """The question's template where there are examples; empty: the same."""
    normalisation: str = ""
    """choice: how options of unlike length compare, a name of choices.NORMALISATIONS."""
    answer_context: str = "Answer:"
    """choice by answer_context: what the unconditional likelihood is taken after."""
    extract: str = ""
    """free: how an answer is found in a completion, a name of answers.EXTRACTIONS."""
    stops: tuple[str, ...] = ()
    """free: strings that end a completion."""
    max_tokens: int = 0
    """free: tokens of a completion at most."""
    detokenizer: str = ""
    """text and last_word: by whose rules the set's tokenization is undone, a name of
    detokenizers.DETOKENIZERS; empty: it has none."""


TASKS: Mapping[str, Task] = {
    "wikitext2": Task(
        about="Articles of Wikipedia, WikiText-2",
        kind="text",
        benchmarks=("wikitext2", "wikitext2_lines"),
        detokenizer="wikitext",
    ),
    "ptb": Task(
        about="Penn Treebank, as Mikolov prepared it",
        kind="text",
        benchmarks=("ptb", "ptb_valid"),
        detokenizer="ptb",
    ),
    "lambada": Task(
        about="Last words of passages; with examples as blanks to fill in (section 3.1.2)",
        kind="last_word",
        benchmarks=("lambada", "lambada_openai", "llm_foundry_language_modeling"),
        read=items.last_word,
        question="{context}",
        shot_question="{context} ____. ->",
        heading="",
    ),
    "lambada_standard": Task(
        about="Last words of passages, lower-case and tokenized as first published",
        kind="last_word",
        benchmarks=("lambada_standard",),
        read=items.last_word,
        question="{context}",
        shot_question="{context} ____. ->",
        detokenizer="lambada",
    ),
    "hellaswag": Task(
        about="Endings of situations",
        kind="choice",
        benchmarks=("hellaswag", "hellaswag_llama_cpp"),
        read=items.hellaswag,
        question="{context}",
        normalisation="per_token",
    ),
    "piqa": Task(
        about="Physical interaction",
        kind="choice",
        benchmarks=("piqa", "piqa_choices"),
        read=items.options,
        question="{question}",
        normalisation="per_token",
    ),
    "arc": Task(
        about="Questions of science for schools",
        kind="choice",
        benchmarks=("arc_easy", "arc_challenge"),
        read=items.options,
        question="Question: {question}\nAnswer:",
        normalisation="answer_context",
    ),
    "openbookqa": Task(
        about="Questions of elementary science",
        kind="choice",
        benchmarks=("openbookqa",),
        read=items.options,
        question="{question}",
        normalisation="answer_context",
    ),
    "boolq": Task(
        about="Yes-no questions about passages",
        kind="choice",
        benchmarks=("boolq",),
        read=items.boolq,
        question="{context}\nquestion: {question}?\nanswer:",
        normalisation="per_token",
    ),
    "race": Task(
        about="Reading comprehension: each question after those before it of its article, answered",
        kind="choice",
        benchmarks=("race", "race_json"),
        read=items.race,
        question="Article:\n\n{context}\n\n{asked}Q: {question}\n\nA:",
        normalisation="answer_context",
        answer_context="A:",
    ),
    "mmlu": Task(
        about="Exams; the letter is scored (Hendrycks et al. 2021: no set of GPT-3's paper)",
        kind="choice",
        benchmarks=("mmlu", "mmlu_csv"),
        read=items.mmlu,
        heading="The following are multiple choice questions (with answers){about}.\n\n",
        question="{question}\n{options}\nAnswer:",
        normalisation="sum",
    ),
    "truthfulqa": Task(
        about="The best answer among wrong ones, MC1 (Lin et al. 2022), without their six examples",
        kind="choice",
        benchmarks=("truthfulqa", "truthfulqa_csv"),
        read=items.truthfulqa,
        question="Q: {question}\nA:",
        normalisation="sum",
    ),
    "gsm8k": Task(
        about="Sums in words; the number after #### or the last one (Cobbe et al. 2021)",
        kind="free",
        benchmarks=("gsm8k",),
        read=items.worked,
        question="Question: {question}\nAnswer:",
        extract="number",
        stops=("\nQuestion:", "\n\n"),
        max_tokens=256,
    ),
    "closed_book": Task(
        about="Questions of facts without a document; any of the short answers",
        kind="free",
        benchmarks=("triviaqa", "nq_open", "webqs"),
        read=items.aliases,
        question="Q: {question}\n\nA:",
        extract="words",
        stops=("\n",),
        max_tokens=32,
    ),
}
"""By name, in the order in which they are shown."""


def task_of(benchmark: str, known: str) -> str | None:
    """The name of the task that a recipe's benchmark is asked by: by its name, or its entry's."""
    for name, task in TASKS.items():
        if benchmark in task.benchmarks:
            return name
    for name, task in TASKS.items():
        if known in task.benchmarks:
            return name
    return None
