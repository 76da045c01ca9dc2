"""A ledger balances or fails, and sums by unit and reason."""

from __future__ import annotations

import pytest

from corpus.errors import LedgerImbalance
from corpus.ledger import CHARACTERS, ROWS, Ledger, ledger_from_json, total


def ledger(taken: int, kept: int, unit: str = ROWS, **dropped: int) -> Ledger:
    made = Ledger()
    account = made.account(unit)
    account.taken, account.kept = taken, kept
    account.dropped.update(dropped)
    return made


def test_taken_is_kept_and_dropped():
    ledger(5, 3, too_short=2).check("here")


@pytest.mark.parametrize(("kept", "dropped"), [(2, 2), (4, 2), (3, 1)])
def test_one_row_more_or_less_fails(kept, dropped):
    with pytest.raises(LedgerImbalance, match=r"here: 5 rows were taken, but"):
        ledger(5, kept, too_short=dropped).check("here")


def test_every_unit_is_checked():
    unbalanced = total([ledger(5, 5), ledger(9, 8, CHARACTERS)])
    with pytest.raises(LedgerImbalance, match="9 characters were taken"):
        unbalanced.check("here")


def test_a_sum_adds_unit_by_unit_and_reason_by_reason():
    summed = total([ledger(5, 3, short=2), ledger(4, 1, short=1, odd=2), ledger(7, 7, CHARACTERS)])
    assert summed.to_json() == {
        "characters": {"taken": 7, "kept": 7, "dropped": {}},
        "rows": {"taken": 9, "kept": 4, "dropped": {"odd": 2, "short": 3}},
    }


def test_a_ledger_comes_back_from_json():
    made = ledger(5, 3, short=2)
    assert ledger_from_json(made.to_json()) == made
