"""Shards: read back by a reader of llm.c's and Megatron's layouts written here, byte by byte."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import Damaged, DataError, NotBuilt
from corpus.shards import (
    HEADER_BYTES,
    MANIFEST,
    ShardWriter,
    TokenFormat,
    file_sha256,
    make_manifest,
    read_index,
    read_manifest,
    read_tokens,
    shard_info,
    shard_name,
    token_dtype,
    verify,
    write_manifest,
)

SMALL = TokenFormat(vocab_size=1000, eot_id=999, tokenizer_sha256="ab" * 32)
LARGE = TokenFormat(vocab_size=100_000, eot_id=99_999, tokenizer_sha256="ab" * 32)


def write_shard(folder: Path, name: str, documents: list[list[int]], form=SMALL):
    """Write a shard; each document is its ids, an end-of-text after each of its texts."""
    with ShardWriter(folder / f"{name}.bin", folder / f"{name}.idx", form) as shard:
        return [shard.add(np.array(ids, form.dtype).tobytes()) for ids in documents]


def write_dataset(folder: Path) -> None:
    infos = []
    shards = {("train", 0): [[5, 999], [6, 7, 999]], ("train", 1): [[8, 999]],
              ("validation", 0): [[1, 999, 2, 999]]}
    for (split, number), documents in shards.items():
        name = shard_name(split, number)
        write_shard(folder, name, documents)
        files = [folder / f"{name}.bin", folder / f"{name}.idx"]
        infos.append(shard_info(
            SMALL, split, number, num_documents=len(documents),
            source_tokens={"web": sum(map(len, documents))},
            files=[(path.stat().st_size, file_sha256(path)) for path in files],
        ))
    write_manifest(folder / MANIFEST, make_manifest(SMALL, infos[::-1], seed=3))


def test_a_shard_has_llm_c_s_header_and_end_of_text_around_each_document(tmp_path):
    ranges = write_shard(tmp_path, "train-00000", [[5, 999], [6, 7, 999]])
    data = (tmp_path / "train-00000.bin").read_bytes()
    assert ranges == [(1, 3), (3, 6)]
    assert struct.unpack("<3i", data[:12]) == (20240520, 1, 6)
    assert struct.unpack("<3i", data[12:24]) == (1, 2, 999)
    assert data[24:56] == bytes.fromhex("ab" * 32)
    assert data[56:1024] == bytes(968)
    assert struct.unpack("<6H", data[1024:]) == (999, 5, 999, 6, 7, 999)


def test_a_large_vocabulary_has_llama_3_s_header_and_32_bits(tmp_path):
    write_shard(tmp_path, "train-00000", [[70_000, 99_999]], LARGE)
    data = (tmp_path / "train-00000.bin").read_bytes()
    assert struct.unpack("<3i", data[:12]) == (20240801, 7, 3)
    assert struct.unpack("<3I", data[1024:]) == (99_999, 70_000, 99_999)


@pytest.mark.parametrize(("vocab_size", "dtype"), [(65_536, "<u2"), (65_537, "<u4")])
def test_ids_take_16_bits_up_to_65536_tokens(vocab_size, dtype):
    assert token_dtype(vocab_size) == np.dtype(dtype)


@pytest.mark.parametrize(("form", "code"), [(SMALL, 8), (LARGE, 4)])
def test_the_index_is_megatron_s_with_pointers_that_skip_the_header(tmp_path, form, code):
    eot, width = form.eot_id, form.dtype.itemsize
    write_shard(tmp_path, "train-00000", [[5, eot], [6, 7, eot, 8, eot]], form)
    data = (tmp_path / "train-00000.idx").read_bytes()
    assert struct.unpack("<9sQBQQ", data[:34]) == (b"MMIDIDX\0\0", 1, code, 3, 3)
    assert struct.unpack("<3i", data[34:46]) == (2, 3, 2)
    assert struct.unpack("<3q", data[46:70]) == tuple(1024 + width * at for at in (1, 3, 6))
    assert struct.unpack("<3q", data[70:]) == (0, 1, 3)
    assert len(data) == 34 + 12 * 3 + 8 * 3


def test_the_index_leads_to_each_text_as_megatron_reads_it(tmp_path):
    write_shard(tmp_path, "train-00000", [[5, 999], [6, 7, 999, 8, 999]])
    index = (tmp_path / "train-00000.idx").read_bytes()
    lengths = np.frombuffer(index, "<i4", 3, 34)
    pointers = np.frombuffer(index, "<i8", 3, 46)
    body = np.memmap(tmp_path / "train-00000.bin", mode="r")  # Megatron maps bytes, header and all
    texts = [
        np.frombuffer(body, "<u2", length, pointer).tolist()
        for length, pointer in zip(lengths, pointers, strict=True)
    ]
    assert texts == [[5, 999], [6, 7, 999], [8, 999]]


documents = st.lists(
    st.lists(st.lists(st.integers(0, 998), max_size=5), min_size=1, max_size=3), max_size=6
)


@given(documents=documents)
def test_what_is_written_is_read(tmp_path_factory, documents):
    folder = tmp_path_factory.mktemp("shards")
    ids = [[token for text in texts for token in (*text, 999)] for texts in documents]
    ranges = write_shard(folder, "x", ids)
    tokens, index = read_tokens(folder / "x.bin"), read_index(folder / "x.idx")
    assert tokens.tolist() == [999, *(token for document in ids for token in document)]
    assert index.document_ends.tolist() == [end for _, end in ranges]
    assert [tokens[start:end].tolist() for start, end in ranges] == ids
    assert len(index.text_ends) == sum(map(len, documents))


def test_a_shard_may_be_empty(tmp_path):
    write_shard(tmp_path, "x", [])
    assert read_tokens(tmp_path / "x.bin").tolist() == [999]
    assert read_index(tmp_path / "x.idx").text_ends.tolist() == []


@pytest.mark.parametrize("ids", [[], [5], [999, 5]])
def test_a_document_that_does_not_end_is_refused(tmp_path, ids):
    with pytest.raises(DataError, match="does not end with end-of-text"):
        write_shard(tmp_path, "x", [ids])


def test_a_shard_that_llm_c_could_not_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("corpus.shards.MAX_SHARD_TOKENS", 4)
    write_shard(tmp_path, "x", [[1, 2, 999]])
    with pytest.raises(DataError, match=r"lower tokenize\.tokens_per_shard"):
        write_shard(tmp_path, "x", [[1, 2, 3, 999]])


@pytest.mark.parametrize("cut", [0, 10, HEADER_BYTES, -1])
def test_a_cut_shard_is_damaged(tmp_path, cut):
    write_shard(tmp_path, "x", [[5, 999]])
    path = tmp_path / "x.bin"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(Damaged):
        read_tokens(path)


@pytest.mark.parametrize("cut", [0, 20, -1])
def test_a_cut_index_is_damaged(tmp_path, cut):
    write_shard(tmp_path, "x", [[5, 999]])
    path = tmp_path / "x.idx"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(Damaged):
        read_index(path)


def test_the_manifest_counts_and_orders_the_shards(tmp_path):
    write_dataset(tmp_path)
    manifest = verify(tmp_path)
    assert [shard.name for shard in manifest.shards] == [
        "train-00000", "train-00001", "validation-00000",
    ]
    assert manifest.num_tokens == {"train": 9, "validation": 5}
    assert manifest.source_tokens == {"web": 7}
    assert (manifest.dtype, manifest.eot_id, manifest.seed) == ("uint16", 999, 3)
    last = manifest.shards[-1]
    assert (last.num_tokens, last.num_documents, last.num_texts) == (5, 1, 2)
    data = (tmp_path / "validation-00000.bin").read_bytes()
    assert last.sha256 == hashlib.sha256(data).hexdigest()


def test_a_folder_without_a_manifest_is_not_built(tmp_path):
    with pytest.raises(NotBuilt):
        read_manifest(tmp_path)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flip(folder / "train-00001.bin", -1),
        lambda folder: flip(folder / "train-00001.bin", 100),
        lambda folder: flip(folder / "validation-00000.idx", 60),
        lambda folder: (folder / "train-00000.idx").unlink(),
        lambda folder: (folder / MANIFEST).write_text("{}"),
        lambda folder: (folder / MANIFEST).write_text(
            (folder / MANIFEST).read_text().replace('"vocab_size": 1000', '"vocab_size": 999')
        ),
        lambda folder: (folder / MANIFEST).write_text(
            (folder / MANIFEST).read_text().replace('"eot_id": 999', '"eot_id": 5')
        ),
        lambda folder: (folder / MANIFEST).write_text(
            (folder / MANIFEST).read_text().replace('"num_documents": 2', '"num_documents": 1')
        ),
    ],
)
def test_damage_of_any_kind_is_found(tmp_path, damage):
    write_dataset(tmp_path)
    damage(tmp_path)
    with pytest.raises(Damaged):
        verify(tmp_path)
