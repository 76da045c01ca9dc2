"""What of a document is benchmark text, and what is cut away with it?

GPT-3's training-set filter (appendix C): a benchmark's N-grams, N being the 5th percentile of its
texts' lengths within 8..13 words, are looked for in every document. N-grams in more than 10
documents are boilerplate and stay. Overlapping N-grams are one match; it is cut with 200 characters
on either side; pieces under 200 characters go; a document cut into more than 10 pieces goes whole.
Where the paper is silent: the text of a field is what is looked for, never across two fields; texts
under 8 words have no say in N; pieces are counted before the short ones go; a document without a
match keeps its whole text, however short. `PUBLISHED` has the rules of others.

texts.py says what is looked for, and by which N; index.py finds the N-grams and confirms them word
by word (kernels.py), matches.py names the items, cuts.py judges the documents, shares.py says how
much of a text a document has; items.py judges the benchmarks' items: GPT-3's clean and dirty.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from corpus.benchmarks import BenchmarkSettings
from corpus.config import Settings

LengthsOf = Literal["texts", "items", "each"]
Removal = Literal["cut", "cut_to_sentences", "document", "similar", "contained"]

MAX_SIZE = 255
"""Greatest N: it is kept in a byte."""
FIELDS = ("context", "question", "answer", "text")
EVERY = 2**63 - 1
"""Documents, where no N-gram is in too many of them."""


class Rule(NamedTuple):
    """What is looked for, and what of a document goes where it is found; GPT-3's appendix C."""

    min_ngram_size: int = 8
    max_ngram_size: int = 13
    lengths_of: LengthsOf = "texts"
    length_percentile: float = 5.0
    fields: tuple[str, ...] = ()
    join_answers: bool = False
    max_documents: int = 10
    removal: Removal = "cut"
    window_characters: int = 200
    min_piece_characters: int = 200
    max_pieces: int = 10
    min_share: float = 0.5
    min_ngrams: int = 2

    @property
    def reads_text(self) -> bool:
        """Whether documents are judged by more than where their matches are."""
        return self.removal in ("cut_to_sentences", "similar")


GPT3 = Rule()

PUBLISHED: dict[str, Rule] = {
    "gpt3": GPT3,
    # MT-NLG section 3.2 by its code (Megatron-LM, tools/openwebtext/filter_ngrams.py): questions
    # alone; texts of 8 to 12 words whole, longer ones by 13 words; what stands 10 times in the
    # corpus stays (ours: in 10 documents); cuts go on to the end of a sentence; pieces are counted
    # once those of 200 characters and less are gone.
    "mt_nlg": Rule(
        lengths_of="each", fields=("question", "text"), max_documents=9,
        removal="cut_to_sentences", min_piece_characters=201,
    ),
    # Gopher A1.3: documents whose 13-grams have a Jaccard similarity above 0.8 with a test document
    "gopher": Rule(13, 13, max_documents=EVERY, removal="similar", min_share=0.8),
    # datatrove, decont/n_grams.py: 12-grams of the answer, and those that begin in the question;
    # the first drops the document.
    "datatrove": Rule(
        12, 12, fields=("answer", "text"), join_answers=True, max_documents=EVERY,
        removal="document",
    ),
    # What marin came to (pull requests 6852, 7679, 8327), where any 13-gram marked five times as
    # many: half of the N-grams that are not in many documents, and two at least.
    "containment": Rule(13, 13, removal="contained"),
}  # fmt: skip


class ContaminationSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which benchmarks must not be trained on, and how their text is found and cut."""

    benchmarks: dict[str, BenchmarkSettings] = msgspec.field(default_factory=dict)
    """Files and fields of each benchmark, by name; none: nothing is looked for."""
    published: Literal["", "gpt3", "mt_nlg", "gopher", "datatrove", "containment"] = ""
    """A published rule by name; replaces all from min_ngram_size to min_ngrams below."""
    min_ngram_size: int = GPT3.min_ngram_size
    """Words; least N, and texts shorter than it have no say in N (GPT-3 appendix C)."""
    max_ngram_size: int = GPT3.max_ngram_size
    """Words; greatest N (GPT-3 appendix C)."""
    lengths_of: LengthsOf = GPT3.lengths_of
    """What N is a percentile of: the lengths of a benchmark's texts, one a field, or of its items,
    all fields together; or each text has an N of its own, its length within the limits (MT-NLG).
    GPT-3 says "examples". Its table C.1 has 11 for ARC-Easy, 8 for PIQA and 13 for BoolQ,
    HellaSwag, RACE and LAMBADA: texts give 8, 8 and 13; items give 13, 12 and 13, by which shorter
    questions and answers are not found."""
    length_percentile: float = GPT3.length_percentile
    """N is this percentile of those lengths (GPT-3 appendix C)."""
    fields: tuple[str, ...] = GPT3.fields
    """Fields that are looked for: context, question, answer, text; none named: all."""
    join_answers: bool = GPT3.join_answers
    """Also look for the N-grams that begin in the question and end in the answer (datatrove)."""
    max_documents: int = GPT3.max_documents
    """An N-gram in more documents than this is boilerplate and is not cut (GPT-3 appendix C)."""
    removal: Removal = GPT3.removal
    """What a match takes with it: a window that is cut; that and on to the end of a sentence; or
    the document, for any N-gram, for a text that is similar, or for one that it contains."""
    window_characters: int = GPT3.window_characters
    """Cut with a match, on either side (GPT-3 appendix C)."""
    min_piece_characters: int = GPT3.min_piece_characters
    """A shorter piece that a cut leaves is dropped (GPT-3 appendix C)."""
    max_pieces: int = GPT3.max_pieces
    """A document cut into more pieces is dropped whole (GPT-3 appendix C)."""
    min_share: float = GPT3.min_share
    """similar: the least Jaccard similarity of a document's N-grams and a text's. contained: the
    least share of a text's N-grams that the document has, those in too many documents left out."""
    min_ngrams: int = GPT3.min_ngrams
    """contained: the fewest distinct N-grams, or all of a text that has fewer."""
    measured_ngram_size: int = 8
    """Words; size of the N-grams in the overlap table (GPT-2 section 4)."""
    false_positive_rate: float = 1e-8
    """Bound on the overlap table's wrong finds, over all sources together (GPT-2 section 4)."""
    plant: int = 0
    """Items planted to test the stage on, at most; they change nothing else."""

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        if not 1 <= self.min_ngram_size <= self.max_ngram_size <= MAX_SIZE:
            raise ValueError(
                f"min_ngram_size {self.min_ngram_size}, max_ngram_size {self.max_ngram_size}: "
                f"expected 1 <= min <= max <= {MAX_SIZE}"
            )
        if not 0 <= self.length_percentile <= 100:
            raise ValueError(f"length_percentile {self.length_percentile}: expected 0..100")
        if not 0 < self.min_share <= 1 or self.min_ngrams < 1:
            raise ValueError("expected min_share above 0 and at most 1, min_ngrams of 1 or more")
        if self.removal == "similar" and self.min_ngram_size != self.max_ngram_size:
            raise ValueError(
                'removal = "similar": expected min_ngram_size = max_ngram_size, since a document '
                "has one set of N-grams"
            )
        if not set(self.fields) <= set(FIELDS):
            raise ValueError(f"fields {', '.join(self.fields)}: expected of {', '.join(FIELDS)}")
        if self.measured_ngram_size < 1:
            raise ValueError(f"measured_ngram_size {self.measured_ngram_size}: expected 1 or more")
        if not 1e-15 <= self.false_positive_rate <= 0.5:
            raise ValueError(f"false_positive_rate {self.false_positive_rate}: expected 1e-15..0.5")
        if self.plant < 0:
            raise ValueError(f"plant {self.plant}: expected 0 or more")
        counts = (self.max_documents, self.window_characters, self.min_piece_characters)
        if min(counts) < 0 or self.max_pieces < 1:
            raise ValueError(
                "max_documents, window_characters, min_piece_characters: expected 0 or more; "
                "max_pieces: expected 1 or more"
            )

    @property
    def rule(self) -> Rule:
        """The published rule, or the one that the settings spell."""
        if self.published:
            return PUBLISHED[self.published]
        return Rule(**{name: getattr(self, name) for name in Rule._fields})
