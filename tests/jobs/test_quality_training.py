"""What training reads of a root: bounded turns, and model folders that are what they say."""

from __future__ import annotations

import pyarrow as pa
import pytest

from corpus.errors import Damaged, InputError
from jobs.quality_training import BATCH_CHARACTERS, batches, folder_files, read_folder


def table(*lengths):
    return pa.table({"num_characters": pa.array(lengths, pa.int64()), "row": range(len(lengths))})


def test_turns_are_of_bounded_text_and_lose_no_row():
    half = BATCH_CHARACTERS // 2
    rows = table(half, half, half, 10, 10, 3 * BATCH_CHARACTERS, 1, 1)
    turns = [batch["row"].to_pylist() for batch in batches(rows)]
    assert [row for turn in turns for row in turn] == list(range(8))
    lengths = rows["num_characters"].to_pylist()
    for turn in turns:  # one document at most stands out of the bound: the first
        assert sum(lengths[row] for row in turn[1:]) <= BATCH_CHARACTERS


def test_a_part_without_documents_has_no_turn():
    assert list(batches(table())) == []


def test_a_folder_without_a_card_is_no_model(tmp_path):
    with pytest.raises(InputError, match=r"no card\.json there.*winnow quality train --to FOLDER"):
        folder_files(str(tmp_path))


@pytest.mark.parametrize(
    ("card", "said"), [("[]", "no card"), ("{}", "no card"), ('{"format": 99}', "format 99")]
)
def test_a_card_of_another_format_is_refused(tmp_path, card, said):
    (tmp_path / "card.json").write_text(card, "utf-8")
    with pytest.raises(Damaged, match=said):
        read_folder(str(tmp_path))
