"""Models whose logits are known, so that what is made of them can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from corpus.trainer.model import GPT
from corpus.trainer.shapes import ModelShape, padded_vocab


class _TableShape(ModelShape, frozen=True, kw_only=True):
    """Of a kind that no Decoder takes apart."""

    kind: int = 0


class Table(GPT):
    """A model of which the next token's logits are the row of a table.

    rows: (V, V), a row for each last token. by_position multiplies them by the token's place in the
    window, counted from 1, so that a score tells how much was read before it.
    """

    def __init__(
        self, rows: Sequence[Sequence[float]], *, context: int = 8, by_position: bool = False
    ) -> None:
        size = len(rows)
        width = padded_vocab(size)
        super().__init__(
            _TableShape(num_layers=1, num_heads=1, width=width, context=context, kind=1), size
        )
        self.by_position = by_position
        self.table = torch.zeros(size, width)
        self.table[:, :size] = torch.tensor(rows)
        with torch.no_grad():
            self.tokens.weight.copy_(torch.eye(width))

    def forward(self, tokens):
        assert tokens.shape[1] <= self.shape.context
        hidden = self.table[tokens]
        if self.by_position:
            hidden = hidden * torch.arange(1, tokens.shape[1] + 1)[:, None]
        return hidden


def chain(shares: Mapping[int, Mapping[int, float]], size: int, **settings) -> Table:
    """A Table by chances: those not given are all but none; a row not given is uniform."""
    rows = [[0.0] * size if row not in shares else [-30.0] * size for row in range(size)]
    for row, following in shares.items():
        for token, share in following.items():
            rows[row][token] = float(torch.tensor(share, dtype=torch.float64).log())
    return Table(rows, **settings)
