"""The model that fine-tuning begins with: trained here, or a GPT2LMHeadModel, or its first weights.

A folder is of one of three kinds: one that training wrote (a root's model), one with the files of a
GPT2LMHeadModel (`winnow model export`, or OpenAI's weights in safetensors), or, for training from
scratch, either. The tokenizer stands in the folder, beside it, or where it is said to be, and must
be the one that the model was trained with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corpus.errors import Damaged, InputError
from corpus.shards import file_sha256
from corpus.tokenizer.files import TOKENIZER_FILE, load, vocabulary_files
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.finetuning.batching import derived_seed
from corpus.trainer.model import GPT
from corpus.trainer.saved import is_gpt2, open_model, read_config
from corpus.trainer.shapes import ModelShape
from corpus.trainer.weights import read_gpt2


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model as it is found."""

    folder: Path
    shape: ModelShape
    vocabulary: Vocabulary
    is_gpt2: bool
    """Whether the folder has a GPT2LMHeadModel's files."""

    def pretrained(self) -> GPT:
        """A new copy of the trained model, on the CPU."""
        return read_gpt2(self.folder) if self.is_gpt2 else open_model(self.folder)

    def from_scratch(self, seed: int) -> GPT:
        """The same architecture with the first weights of a seed."""
        first = derived_seed(seed, "first weights")
        return GPT(self.shape, self.vocabulary.size, seed=first)


def open_base(folder: Path, tokenizer: Path | None = None) -> Base:
    """The model of a folder; raises InputError or Damaged where it or its tokenizer is not whole.

    tokenizer: where not given, tokenizer.json of the folder, or of `tokenizer` beside it.
    """
    of_gpt2 = is_gpt2(folder)
    place = tokenizer or _tokenizer_of(folder)
    vocabulary = load(place)
    if of_gpt2:
        model = read_gpt2(folder)
        shape, vocab_size = model.shape, model.vocab_size
    else:
        config = read_config(folder)
        shape, vocab_size = config.shape, config.vocab_size
        _check_same(Path(vocabulary_files(str(place))[0]), config.tokenizer_sha256)
    if vocabulary.size != vocab_size:
        raise InputError(
            f"{place}: a vocabulary of {vocabulary.size:,} ids, but the model of {folder} has "
            f"{vocab_size:,}; expected the tokenizer that it was trained with"
        )
    return Base(folder=folder, shape=shape, vocabulary=vocabulary, is_gpt2=of_gpt2)


def _tokenizer_of(folder: Path) -> Path:
    for place in (folder, folder.parent / "tokenizer"):
        if (place / TOKENIZER_FILE).is_file():
            return place
    raise InputError(
        f"{folder}: no {TOKENIZER_FILE} in it, nor in {folder.parent / 'tokenizer'}; say where the "
        "model's tokenizer is with --tokenizer"
    )


def _check_same(path: Path, expected: str) -> None:
    if (found := file_sha256(path)) != expected:
        raise Damaged(
            f"{path}: SHA-256 {found[:16]}..., but the model was trained with {expected[:16]}...; "
            "expected the tokenizer that the model was trained with: run `winnow run train`, or "
            "name the right one with --tokenizer"
        )
