"""Logits of the next token of sequences that grow, without passing over all of them anew.

Causal attention leaves the keys and values of a position as they are when tokens follow it, so that
they are kept and each new token costs one row of every product and not the whole window (a
key-value cache). The sums are those of the model in another order: logits agree to float rounding,
and a choice differs only where two tokens tie within it.

Beyond the context the window moves, and with it the learned position of every token in it, which
changes every key: nothing that was kept is of use. From there on each token costs a pass over the
last `context` tokens, as it does without a cache, and is the token that this gives.

Against passes over everything, GPT-2's smallest size on one CPU core: 1.7 times as fast over the
first 80 tokens, 19 times from the 900th to the 1,000th (228 against 4,317 ms a token).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import msgspec
import torch
import torch.nn.functional as F
from torch import Tensor

from corpus.trainer.model import GPT, Block, band_mask
from corpus.trainer.shapes import ModelShape

# Fields of a shape that a Decoder heeds. Another may change what a layer computes: only its default
# is known here, and else each pass is made anew, by the model itself.
KNOWN_FIELDS = ("num_layers", "num_heads", "width", "context", "norm", "band")

KeysValues = tuple[Tensor, Tensor]  # each (B, H, T, D / H)


class Decoder:
    """Sequences of one length, each with the logits of its next token."""

    def __init__(
        self, model: GPT, sequences: Sequence[Sequence[int]], *, cached: bool = True
    ) -> None:
        """sequences: of one length, at least one id each. cached False does each pass anew."""
        self._model = model
        self._ids = torch.tensor(sequences, device=model.tokens.weight.device)  # (B, T)
        self._cached = cached and is_known(model.shape)
        self._kept: list[KeysValues] = []  # of each layer
        self._num_kept = 0

    @torch.no_grad()
    def logits(self) -> Tensor:
        """Float32 (B, vocab_size) on the CPU; of a long sequence the last `context` ids count."""
        model, length = self._model, self._ids.shape[1]
        if not self._cached or length > model.shape.context:
            self._kept = []
            return model.logits(self._ids[:, -model.shape.context :]).cpu()
        hidden = self._pass_new(self._ids[:, self._num_kept :])
        self._num_kept = length
        return F.linear(hidden, model.tokens.weight[: model.vocab_size]).float().cpu()

    def extend(self, tokens: Sequence[int], parents: Sequence[int] | None = None) -> None:
        """Go on from these sequences, as many as tokens (None = from each), with a token each."""
        new = torch.tensor(tokens, device=self._ids.device)[:, None]
        if parents is not None and list(parents) != list(range(len(self._ids))):
            rows = torch.tensor(parents, device=self._ids.device)
            self._ids = self._ids[rows]
            self._kept = [(keys[rows], values[rows]) for keys, values in self._kept]
        self._ids = torch.cat([self._ids, new], 1)

    def _pass_new(self, tokens: Tensor) -> Tensor:
        """Keep what the new ids (B, T) give; the hidden state of the last, (B, D)."""
        model = self._model
        positions = torch.arange(tokens.shape[1], device=tokens.device) + self._num_kept
        x = model.tokens(tokens) + model.positions(positions)
        kept, self._kept = self._kept, []
        for number, block in enumerate(model.blocks):
            band = model.shape.band if number % 2 else 0  # as GPT.forward has it
            attend = partial(
                self._attend, cast(Block, block), kept=kept[number] if kept else None, band=band
            )
            x = cast(Block, block).join(x, attend)
        last: Tensor = model.norm(x[:, -1])
        return last

    def _attend(self, block: Block, x: Tensor, kept: KeysValues | None, band: int) -> Tensor:
        """Block.attend for new positions, to what is kept and themselves, all of which is kept."""
        query, keys, values = block.heads(x)
        length = x.shape[1]
        if kept is not None:
            keys, values = torch.cat([kept[0], keys], 2), torch.cat([kept[1], values], 2)
        self._kept.append((keys, values))
        if length == 1:  # one query sees the last `band`, which with 0 is all
            mixed = F.scaled_dot_product_attention(query, keys[:, :, -band:], values[:, :, -band:])
        else:
            mask = band_mask(keys.shape[2], band, device=x.device)
            if mask is None and kept is not None:
                every = torch.ones(keys.shape[2], keys.shape[2], dtype=torch.bool, device=x.device)
                mask = every.tril()
            mixed = F.scaled_dot_product_attention(
                query, keys, values, attn_mask=None if mask is None else mask[-length:],
                is_causal=mask is None,
            )  # fmt: skip
        return block.from_heads(mixed)


def is_known(shape: ModelShape) -> bool:
    """Whether a Decoder can take the layers apart: they have no other field set."""
    return all(
        getattr(shape, field.name) == field.default
        for field in msgspec.structs.fields(shape)
        if field.name not in KNOWN_FIELDS
    )
