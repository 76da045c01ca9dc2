"""The tokenizer against a readable twin, and GPT-2's vocabulary against reference ids."""

from __future__ import annotations

import base64
import gzip
import inspect
import json
import json.decoder
import os
import random
import subprocess
import sys
import tokenize
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import DataError, InputError
from corpus.tokenizer import vocabulary as vocabularies
from corpus.tokenizer.bytelevel import byte_characters
from corpus.tokenizer.files import load, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.settings import TokenizeSettings, VocabularySettings
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary

SOURCES = [inspect.getsource(module) for module in (json.decoder, random, tokenize)]
TEXTS = [paragraph for source in SOURCES for paragraph in source.split("\n\n")]
HARD = [
    "", " ", "\n\n  x", "it's we'll I'D", "naïve café", "日本語", "🙂👩‍👩‍👧", "\x00\ufffe",
    "a" * 3000,
]


def learnt(texts: list[str], *, vocab_size: int) -> Vocabulary:
    return learn(*count_pretokens(pa.array(texts, pa.string())), vocab_size=vocab_size)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return learnt(TEXTS, vocab_size=1000)


def encode_slowly(vocabulary: Vocabulary, text: str) -> list[int]:
    """GPT-2's encoder as its paper and code have it: split, then merge the pair of least rank."""
    regex = pytest.importorskip("regex")
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    shown = byte_characters()
    rank = {pair: i for i, pair in enumerate(vocabulary.merges)}
    ids = {token: i for i, token in enumerate(vocabulary.tokens)}
    encoded: list[int] = []
    for chunk in regex.findall(pattern, text):
        word = [shown[byte] for byte in chunk.encode()]
        while len(word) > 1:
            pair = min(pairwise(word), key=lambda p: rank.get(p, len(rank)))
            if pair not in rank:
                break
            merged, i = [], 0
            while i < len(word):
                both = tuple(word[i : i + 2]) == pair
                merged.append("".join(pair) if both else word[i])
                i += 2 if both else 1
            word = merged
        encoded += [ids[token] for token in word]
    return encoded


def test_the_encoder_equals_its_readable_twin(vocabulary):
    texts = [*HARD, *TEXTS[:60]]
    assert vocabulary.encode(texts) == [encode_slowly(vocabulary, text) for text in texts]


@given(text=st.text())
def test_every_string_comes_back_from_its_ids(vocabulary, text):
    assert vocabulary.decode(vocabulary.encode([text])[0]) == text


@pytest.mark.parametrize("text", [END_OF_TEXT, f"a{END_OF_TEXT}b", f"{END_OF_TEXT}\n{END_OF_TEXT}"])
def test_a_document_can_not_write_end_of_text(vocabulary, text):
    ids = vocabulary.encode([text])[0]
    assert vocabulary.eot_id not in ids
    assert vocabulary.decode(ids) == text


def test_a_loaded_tokenizer_still_lets_no_document_write_end_of_text(vocabulary, tmp_path):
    save(vocabulary, tmp_path, {})
    loaded = load(tmp_path)
    assert loaded.encode([END_OF_TEXT]) == vocabulary.encode([END_OF_TEXT])


def test_many_texts_in_batches_are_encoded_as_one_by_one(vocabulary, monkeypatch):
    alone = [vocabulary.encode([text])[0] for text in TEXTS]
    monkeypatch.setattr(vocabularies, "BATCH_BYTES", 1000)
    assert vocabulary.encode(TEXTS) == alone


def test_the_first_ids_are_the_bytes_and_the_last_is_end_of_text(vocabulary):
    assert vocabulary.size == 1000
    assert sorted(vocabulary.token_bytes[:256]) == [bytes([byte]) for byte in range(256)]
    assert vocabulary.tokens[vocabulary.eot_id] == END_OF_TEXT
    assert vocabulary.token_bytes[0] == b"!"  # as in GPT-2's vocabulary


def test_a_small_corpus_ends_below_the_size_asked_for():
    vocabulary = learnt(["ab ab", "ab cd"], vocab_size=1000)
    assert vocabulary.merges == (("a", "b"),)  # " ab" and "cd" occur once
    assert vocabulary.size == 258


def test_a_corpus_without_text_is_an_error():
    with pytest.raises(DataError, match="no text to train on"):
        learnt([], vocab_size=300)


def test_neither_threads_nor_order_change_the_vocabulary(vocabulary, tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_vocabulary import TEXTS, learnt; from pathlib import Path\n"
        "from corpus.tokenizer.files import save\n"
        "save(learnt(TEXTS[::-1], vocab_size=1000), Path(sys.argv[2]), {})\n"
    )
    one_thread = {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path)],
        env=os.environ | one_thread, check=True, cwd=Path(__file__).parents[3],
    )
    assert load(tmp_path) == vocabulary


def test_all_files_say_the_same_vocabulary(vocabulary, tmp_path):
    save(vocabulary, tmp_path, {"bytes_per_token": 3.0})
    assert load(tmp_path) == vocabulary
    assert load(tmp_path / "tokenizer.json") == vocabulary
    (tmp_path / "tokenizer.json").unlink()
    assert load(tmp_path) == vocabulary  # vocab.json and merges.txt
    lines = (tmp_path / "ranks.tiktoken").read_text().splitlines()
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines}
    assert ranks == {token: i for i, token in enumerate(vocabulary.token_bytes[:-1])}
    assert json.loads((tmp_path / "report.json").read_text()) == {"bytes_per_token": 3.0}


def test_other_tools_read_end_of_text_as_one_token(vocabulary, tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    save(vocabulary, tmp_path, {})
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.encode(f"for{END_OF_TEXT}").ids[-1] == vocabulary.eot_id
    assert [theirs.encode(text).ids for text in TEXTS] == vocabulary.encode(TEXTS)
    assert theirs.decode(theirs.encode("naïve 🙂").ids) == "naïve 🙂"


def broken(change):
    def write(folder: Path, vocabulary: Vocabulary) -> None:
        save(vocabulary, folder, {})
        found = json.loads((folder / "tokenizer.json").read_text())
        change(found)
        (folder / "tokenizer.json").write_text(json.dumps(found))
    return write


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda folder, _: None, "expected one"),
        (lambda folder, _: (folder / "tokenizer.json").write_text("x"), "not JSON"),
        (lambda folder, _: (folder / "tokenizer.json").write_text("[]"), "expected an object"),
        (lambda folder, _: (folder / "tokenizer.json").write_text("{}"), "not a tokenizer.json"),
        (broken(lambda t: t["model"].update(type="Unigram")), "not GPT-2's kind"),
        (broken(lambda t: t["pre_tokenizer"].update(add_prefix_space=True)), "not GPT-2's kind"),
        (broken(lambda t: t.update(normalizer={"type": "NFC"})), "not GPT-2's kind"),
        (broken(lambda t: t["model"]["vocab"].update({"!": 5000})), "ids are not 0 to n-1"),
        (broken(lambda t: t["model"]["vocab"].pop("!")), "ids are not 0 to n-1"),
        (broken(lambda t: t["model"]["merges"].append(["for", "日"])), "no pair of tokens"),
        (broken(lambda t: t["added_tokens"].append({"content": "<pad>", "id": 1000})),
         "is not the last id"),
    ],
)
def test_a_vocabulary_of_another_kind_is_refused(vocabulary, tmp_path, write, message):
    write(tmp_path, vocabulary)
    with pytest.raises(InputError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    "field",
    [{"size": 256}, {"max_pretokens": 0}, {"whitespace_runs": 1}, {"whitespace_runs": 257},
     {"words_per_token": 0}, {"words_per_token": 9}, {"num_merges": 0},
     {"kind": "characters", "split_digits": True}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(field):
    with pytest.raises(ValueError, match="expected"):
        VocabularySettings(**field)
    with pytest.raises(ValueError, match="expected"):
        TokenizeSettings(tokens_per_shard=2**29 + 1)


def test_ids_of_gpt_2_s_vocabulary_equal_the_reference(real_data):
    vocabulary = load(real_data / "tokenizer")
    with gzip.open(real_data / "tokenizer" / "gpt2_reference_ids.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    assert vocabulary.size == 50257
    assert vocabulary.encode([row["text"] for row in rows]) == [row["ids"] for row in rows]
    assert [vocabulary.decode(row["ids"]) for row in rows] == [row["text"] for row in rows]
