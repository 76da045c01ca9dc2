"""The folders that models are read from: they are what they say."""

from __future__ import annotations

import pytest

from corpus.errors import Damaged, InputError
from jobs.quality_training import folder_files, read_folder


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
