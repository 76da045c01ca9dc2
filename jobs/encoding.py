"""The root's vocabulary, and what encodes with it: for mix, which counts, and for tokenize."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from corpus.shards import TokenFormat
from corpus.tokenizer.encoders import Encoder, EncoderName, open_encoder
from corpus.tokenizer.files import TOKENIZER_FILE, read_tokenizer
from corpus.tokenizer.vocabulary import Vocabulary

if TYPE_CHECKING:
    from jobs.parts import Job


class Encoding(NamedTuple):
    """What tasks need to encode; pickles."""

    vocabulary: Vocabulary
    library: EncoderName
    """As the recipe names it: each process chooses and probes its own."""

    def encoder(self) -> Encoder:
        """This process's encoder."""
        # One task a core: an encoder's own threads would only fight with the neighbours'.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        return open_encoder(self.vocabulary, name=self.library).encoder


def encoding(job: Job) -> tuple[Encoding, TokenFormat]:
    """The vocabulary that the job's root has, and what shards say of it.

    Raises ConfigError where the encoder that the recipe names gives other ids, or is not there.
    """
    job.input("tokenizer")
    data = job.store.read("tokenizer", TOKENIZER_FILE)
    vocabulary = read_tokenizer(data, where=job.store.path("tokenizer", TOKENIZER_FILE))
    library = job.recipe.vocabulary.encoder
    opened = open_encoder(vocabulary, name=library)
    job.log("; not ".join([f"encoder {opened.encoder.name}", *opened.refused]))
    return Encoding(vocabulary, library), TokenFormat(
        vocab_size=vocabulary.size,
        eot_id=vocabulary.eot_id,
        tokenizer_sha256=hashlib.sha256(data).hexdigest(),
    )
