"""Hugging Face tokenizers with GPT-2's files: encode_batch_fast into uint16 ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from gpt2_shards import MERGES, NAMES, run, vocabulary
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

tokenizer = Tokenizer(BPE.from_file(NAMES, MERGES))
tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
_, end = vocabulary()


def encode(texts: list[str]) -> list[np.ndarray[Any, Any]]:
    encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return [np.array([*found.ids, end], np.uint16) for found in encoded]


run(encode)
