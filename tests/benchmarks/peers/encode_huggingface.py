"""Hugging Face tokenizers with GPT-2's files: encode_batch_fast into uint16 ids."""

import sys
import zlib

import numpy as np
from passes import read_texts, serve
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

texts = read_texts(sys.argv[1])
tokenizer = Tokenizer(BPE.from_file(sys.argv[2], sys.argv[3]))
tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
end = tokenizer.token_to_id("<|endoftext|>")


def encode() -> list[int]:
    num, check = 0, 0
    for encoded in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
        ids = encoded.ids
        ids.append(end)
        num += len(ids)
        check = zlib.crc32(np.array(ids, np.uint16).tobytes(), check)
    return [num, check]


serve(encode)
