"""The root's vocabulary, and what encodes with it: for mix, which counts, and for tokenize."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from corpus.shards import TokenFormat
from corpus.storage import Store
from corpus.tokenizer.encoders import Encoder, EncoderName, Opened, open_encoder
from corpus.tokenizer.files import read_root

if TYPE_CHECKING:
    from jobs.parts import Job


@dataclass(frozen=True, slots=True)
class Encoding:
    """What tasks need to encode. It names the vocabulary, which each process reads once."""

    store: Store
    library: EncoderName
    """As the recipe names it: each process chooses and probes its own."""
    form: TokenFormat

    def encoder(self) -> Encoder:
        """This process's encoder."""
        # One task a core: an encoder's own threads would only fight with the neighbours'.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        return _opened(self.store.root, self.library, self.form.tokenizer_sha256).encoder


def encoding(job: Job) -> Encoding:
    """The vocabulary that the job's root has.

    Raises ConfigError where the encoder that the recipe names gives other ids, or is not there.
    """
    vocabulary, sha256 = read_root(job.store)
    library = job.recipe.vocabulary.encoder
    opened = _opened(job.store.root, library, sha256)
    job.log("; not ".join([f"encoder {opened.encoder.name}", *opened.refused]))
    form = TokenFormat(
        vocab_size=vocabulary.size, eot_id=vocabulary.eot_id, tokenizer_sha256=sha256
    )
    return Encoding(job.store, library, form)


@lru_cache(maxsize=1)
def _opened(root: str, library: EncoderName, _sha256: str) -> Opened:
    """The encoder of a root's vocabulary; its hash tells one from another that took its place."""
    return open_encoder(read_root(Store(root))[0], name=library)
