"""What a stage was given, kept and dropped, by reason: it must balance or the stage fails.

Counting happens in outputs, never in Spark accumulators, which over-count when a task is retried:
each part's ledger is published with the part, and a stage's is the sum of its parts'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from corpus.errors import LedgerImbalance

ROWS = "rows"
CHARACTERS = "characters"
TOKENS = "tokens"


@dataclass(slots=True)
class Account:
    """One unit's count: taken = kept + the sum of dropped."""

    taken: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Ledger:
    """Accounts by unit (rows, characters, tokens)."""

    accounts: dict[str, Account] = field(default_factory=dict)

    def account(self, unit: str = ROWS) -> Account:
        """The unit's account, opened where there is none."""
        return self.accounts.setdefault(unit, Account())

    def check(self, where: str) -> None:
        """Raise LedgerImbalance unless every account balances."""
        for unit, account in self.accounts.items():
            found = account.kept + account.dropped.total()
            if account.taken != found:
                raise LedgerImbalance(
                    f"{where}: {account.taken} {unit} were taken, but {account.kept} kept + "
                    f"{account.dropped.total()} dropped = {found}; expected the two to be equal: "
                    "a row was lost or made up on the way"
                )

    def to_json(self) -> dict[str, Any]:
        """Plain values, reasons sorted."""
        return {
            unit: {
                "taken": account.taken,
                "kept": account.kept,
                "dropped": dict(sorted(account.dropped.items())),
            }
            for unit, account in sorted(self.accounts.items())
        }


def ledger_from_json(value: Mapping[str, Any]) -> Ledger:
    """The ledger that `to_json` wrote."""
    ledger = Ledger()
    for unit, row in value.items():
        ledger.accounts[unit] = Account(row["taken"], row["kept"], Counter(row["dropped"]))
    return ledger


def total(ledgers: Iterable[Ledger]) -> Ledger:
    """Sum of ledgers, unit by unit and reason by reason."""
    result = Ledger()
    for ledger in ledgers:
        for unit, account in ledger.accounts.items():
            into = result.account(unit)
            into.taken += account.taken
            into.kept += account.kept
            into.dropped.update(account.dropped)
    return result
