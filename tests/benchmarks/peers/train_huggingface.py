"""Hugging Face tokenizers' BpeTrainer with GPT-2's pattern: the checksum of its merges."""

import json
import sys
import zlib

from passes import read_texts, serve
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

texts = read_texts(sys.argv[1])
num_tokens = int(sys.argv[2])


def train() -> list[int]:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=num_tokens, min_frequency=2, initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [len(merges), zlib.crc32("\n".join(" ".join(pair) for pair in merges).encode())]


serve(train)
