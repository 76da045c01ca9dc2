"""A vocabulary in files: tokenizer.json, vocab.json and merges.txt, ranks.tiktoken.

Written for the libraries that read each, and read back from the first three, or from GPT-2's own
encoder.json and vocab.bpe. The pair of vocab.json and merges.txt does not say how text is split and
means GPT-2's pattern: of another splitting there is tokenizer.json alone, and the ranks, which
tiktoken reads together with the `pattern` of report.json. GPT-1's kind has tokenizer.json alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.storage import Store
from corpus.tokenizer.characters import (
    UNKNOWN,
    WORD_END,
    checked_characters,
    normalizer,
    word_splitter,
)
from corpus.tokenizer.splitting import GPT2, splittings
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary, checked

TOKENIZER_FILE = "tokenizer.json"


def load(path: Path) -> Vocabulary:
    """Read a tokenizer.json, a folder that save() wrote, or a folder with GPT-2's two files.

    Raises InputError where it is no BPE that save() might have written.
    """
    files = [Path(file) for file in vocabulary_files(str(path))]
    if len(files) == 1:
        return read_tokenizer(files[0].read_bytes(), where=str(files[0]))
    return _read_pair(*files)


def vocabulary_files(vocabulary: str) -> list[str]:
    """The files that load() would read; raises InputError where they are missing."""
    path = Path(vocabulary)
    if path.is_file():
        return [str(path)]
    if (path / TOKENIZER_FILE).is_file():
        return [str(path / TOKENIZER_FILE)]
    return [str(file) for file in _gpt2_files(path)]


def read_root(store: Store) -> tuple[Vocabulary, str]:
    """The vocabulary that the stage left in a root, and the SHA-256 of its tokenizer.json.

    Raises NotBuilt where the stage has not finished.
    """
    open_dataset(store, "tokenizer")
    data = store.read("tokenizer", TOKENIZER_FILE)
    where = store.path("tokenizer", TOKENIZER_FILE)
    return read_tokenizer(data, where=where), hashlib.sha256(data).hexdigest()


def read_tokenizer(data: bytes, *, where: str) -> Vocabulary:
    """A vocabulary from the bytes of a tokenizer.json; raises InputError as load() does."""
    found = _read_json(data, where)
    try:
        model = found["model"]
        added = {token["content"]: token["id"] for token in found["added_tokens"]}
        vocab, merges = model["vocab"] | added, model["merges"]
        is_bpe, is_of_characters = model["type"] == "BPE", _is_of_characters(found)
        pattern = None if is_of_characters or found["normalizer"] else _pattern(found)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where}: not a tokenizer.json of tokenizers: {error!r}") from error
    if is_bpe and is_of_characters:
        return checked_characters(vocab, merges, where=where)
    if not is_bpe or pattern is None:
        raise InputError(
            f"{where}: not GPT-2's kind of tokenizer; expected byte-level BPE with GPT-2's "
            "pattern or one of ours, no prefix space and no normalizer, or GPT-1's kind as saved "
            "here"
        )
    known = {splitting.pattern: splitting for splitting in splittings()}
    if pattern not in known:
        raise InputError(
            f"{where}: splits by the pattern {pattern}, expected GPT-2's or another of "
            "corpus/tokenizer/splitting.py"
        )
    return checked(vocab, merges, known[pattern], where=where)


def _is_of_characters(found: dict[str, Any]) -> bool:
    """Whether a tokenizer.json is of the kind in characters.py, to the last sign it changes."""
    model = found["model"]
    return bool(
        model.get("end_of_word_suffix") == WORD_END
        and model["unk_token"] == UNKNOWN
        and not model["fuse_unk"]
        and found["normalizer"] == json.loads(normalizer().__getstate__())
        and found["pre_tokenizer"] == json.loads(word_splitter().__getstate__())
    )


def _pattern(found: dict[str, Any]) -> str | None:
    """The pattern by which a tokenizer.json splits; None where it does not do so as ours."""
    splitter = found["pre_tokenizer"]
    if splitter["type"] == "ByteLevel":
        is_ours = splitter["use_regex"] and not splitter["add_prefix_space"]
        return GPT2.pattern if is_ours else None
    if splitter["type"] != "Sequence":
        return None
    split, to_bytes = splitter["pretokenizers"]
    is_ours = (
        split["type"] == "Split" and split["behavior"] == "Isolated" and not split["invert"]
        and to_bytes["type"] == "ByteLevel" and not to_bytes["add_prefix_space"]
        and not to_bytes["use_regex"]
    )
    return str(split["pattern"]["Regex"]) if is_ours else None


def save(vocabulary: Vocabulary, folder: Path, report: dict[str, Any]) -> None:
    """Write tokenizer.json, the other files that can say this vocabulary, and the report."""
    files = {
        TOKENIZER_FILE: _full_tokenizer(vocabulary).to_str(pretty=True),
        "report.json": json.dumps(report),
    }
    if vocabulary.kind == "bytes":
        files["ranks.tiktoken"] = "".join(
            f"{base64.b64encode(token).decode()} {i}\n"
            for i, token in enumerate(vocabulary.token_bytes[:-1])
        )
        if vocabulary.splitting.is_gpt2:
            merges = "".join(f"{left} {right}\n" for left, right in vocabulary.merges)
            files["vocab.json"] = json.dumps(vocabulary.ids(end_of_text=True))
            files["merges.txt"] = f"#version: 0.2\n{merges}"
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())


def _full_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """What other tools read: end-of-text is its special token."""
    tokenizer = vocabulary.tokenizer(end_of_text=True)
    tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    return tokenizer


def _read_pair(vocab_path: Path, merges_path: Path) -> Vocabulary:
    lines = merges_path.read_text(encoding="utf-8").split("\n")
    merges = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    vocab = _read_json(vocab_path.read_bytes(), str(vocab_path))
    return checked(vocab, merges, where=str(merges_path))


def _gpt2_files(folder: Path) -> tuple[Path, Path]:
    """GPT-2's two files under OpenAI's or Hugging Face's names, with any prefix."""
    found: list[Path] = []
    for pattern in (r"(.*encoder|.*vocab)\.json", r".*vocab\.bpe|.*merges\.txt"):
        names = folder.iterdir() if folder.is_dir() else []
        matches = sorted(path for path in names if re.fullmatch(pattern, path.name))
        if len(matches) != 1:
            raise InputError(
                f"{folder}: {len(matches)} files like {pattern}, expected one; vocabulary.path "
                "takes a tokenizer.json, or a folder with encoder.json and vocab.bpe"
            )
        found += matches
    return found[0], found[1]


def _read_json(data: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{where}: {type(found).__name__}, expected an object")
    return found
