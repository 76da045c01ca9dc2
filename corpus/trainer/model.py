"""A GPT decoder in plain torch.

Pre-LN blocks, learned positions, tied embeddings, tanh-GELU, LayerNorm epsilon 1e-5 (Radford et al.
2019, section 2.3, and its released code); weights drawn from N(0, 0.02), positions from N(0, 0.01),
projections into the residual stream scaled by 1/sqrt(2 * layers), biases 0. Or GPT-1's post-LN
blocks (norm = "post"): each sub-layer's sum is normalised, there is no norm after the last block,
and all weights are drawn from N(0, 0.02) (Radford et al. 2018, section 4.1). Dropout, where a batch
brings it, is on the embeddings, on attention's weights and on what each sub-layer adds.

Attention is dense, or in every second layer banded as in GPT-3 (band > 0). The band is a mask over
dense attention and saves nothing: at 1,024 positions a small model's step took 1.22 times as long,
as the kernel without a mask skips what lies after a token.

Attention may be kept within documents (`documents` of forward and loss), so that a token does not
see the text before its own in the window; GPT-2 and GPT-3 let it. Positions are numbered through
the window all the same. That too is a mask and saves nothing: 4 layers of width 256 took 1.02 to
1.10 times as long a step at 256 positions, 1.12 to 1.24 at 1,024.

The embedding has rows beyond the vocabulary, to a multiple of 64, for speed; their logits are
-infinity, so they are never predicted and their weights never move by a gradient.

Cost: on two CPU cores at a vocabulary of 50,304 the output layer and the loss took 4/5 of a small
model's step when written plainly; head.py is about them.

Shape letters: B sequences, T positions, D width, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from corpus.trainer.dropout import Dropout
from corpus.trainer.head import head_loss
from corpus.trainer.shapes import ModelShape, padded_vocab

INIT_STD = 0.02
POSITION_STD = 0.01
NORM_EPSILON = 1e-5


class Block(nn.Module):
    """One layer: attention, then the feed-forward net, each added to what it was given.

    pre-LN: each is given a normalised copy. post-LN: each sum is normalised.
    """

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        width = shape.width
        self.num_heads = shape.num_heads
        self.is_post_norm = shape.norm == "post"
        self.attention_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attention_in = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.forward_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.forward_in = nn.Linear(width, 4 * width)
        self.forward_out = nn.Linear(4 * width, width)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, loses: Dropout | None = None, place: int = 0
    ) -> Tensor:
        """The residual stream after this layer, (B, T, D) to (B, T, D); mask as in attend.

        place: of the first of its three dropouts, in the model.
        """

        def attend(given: Tensor) -> Tensor:
            return self.attend(given, mask, loses, place)

        return self.join(x, attend, loses, place)

    def join(
        self,
        x: Tensor,
        attend: Callable[[Tensor], Tensor],
        loses: Dropout | None = None,
        place: int = 0,
    ) -> Tensor:
        """The residual stream after this layer, with attention by a function of its input."""
        added = attend(x if self.is_post_norm else self.attention_norm(x))
        x = x + (loses(added, place + 1) if loses else added)
        if self.is_post_norm:
            x = self.attention_norm(x)
        added = self.feed_forward(x if self.is_post_norm else self.forward_norm(x))
        x = x + (loses(added, place + 2) if loses else added)
        return self.forward_norm(x) if self.is_post_norm else x

    def attend(
        self, x: Tensor, mask: Tensor | None = None, loses: Dropout | None = None, place: int = 0
    ) -> Tensor:
        """Causal multi-head attention, (B, T, D) to (B, T, D).

        mask: bool, (T, T) or one for each sequence, (B, 1, T, T): true where a position (row)
        attends to another; None = to all up to it.
        """
        query, key, value = self.heads(x)
        if loses is None:
            mixed = F.scaled_dot_product_attention(
                query, key, value, attn_mask=mask, is_causal=mask is None
            )
        else:
            scores = (query @ key.transpose(-1, -2)).float() / math.sqrt(key.shape[-1])
            mask = torch.ones_like(scores[0, 0], dtype=torch.bool).tril() if mask is None else mask
            weights = scores.masked_fill(~mask, -math.inf).softmax(-1).to(value.dtype)
            mixed = loses(weights, place) @ value
        return self.from_heads(mixed)

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value of each head, (B, T, D) to (B, H, T, D / H) each."""
        sequences, length, _ = x.shape
        split = self.attention_in(x).view(sequences, length, 3, self.num_heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        return query, key, value

    def from_heads(self, mixed: Tensor) -> Tensor:
        """What attention adds, of what its heads have mixed: (B, H, T, D / H) to (B, T, D)."""
        joined: Tensor = self.attention_out(mixed.transpose(1, 2).flatten(2))
        return joined

    def feed_forward(self, x: Tensor) -> Tensor:
        """The net of each position by itself, (B, T, D) to (B, T, D)."""
        hidden: Tensor = self.forward_out(F.gelu(self.forward_in(x), approximate="tanh"))
        return hidden


class GPT(nn.Module):
    """The decoder: token ids in, hidden states, logits or the mean loss out."""

    def __init__(self, shape: ModelShape, vocab_size: int, *, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.vocab_size = vocab_size
        self.tokens = nn.Embedding(padded_vocab(vocab_size), shape.width)
        self.positions = nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.norm: nn.Module = nn.LayerNorm(shape.width, eps=NORM_EPSILON)
        if shape.norm == "post":
            self.norm = nn.Identity()
        self._draw_weights(seed)

    def _draw_weights(self, seed: int) -> None:
        """Draw every matrix in a fixed order from one generator; LayerNorms keep their 1 and 0."""
        generator = torch.Generator().manual_seed(seed)
        position_std, residual_std = INIT_STD, INIT_STD  # GPT-1's
        if self.shape.norm == "pre":
            position_std, residual_std = POSITION_STD, INIT_STD / math.sqrt(2 * len(self.blocks))
        nn.init.normal_(self.tokens.weight, std=INIT_STD, generator=generator)
        nn.init.normal_(self.positions.weight, std=position_std, generator=generator)
        for name, module in self.blocks.named_modules():
            if isinstance(module, nn.Linear):
                std = residual_std if name.endswith("_out") else INIT_STD
                nn.init.normal_(module.weight, std=std, generator=generator)
                nn.init.zeros_(module.bias)

    def num_parameters(self) -> int:
        """Parameters, without the padding of the vocabulary."""
        padding = self.tokens.num_embeddings - self.vocab_size
        return sum(p.numel() for p in self.parameters()) - padding * self.shape.width

    def forward(
        self, tokens: Tensor, documents: Tensor | None = None, loses: Dropout | None = None
    ) -> Tensor:
        """What the output layer takes: ids (B, T), T up to the context, to (B, T, D).

        documents: int (B, T), of each position the number of its document, by whatever count that
        tells those of a sequence apart; attention is then kept within them. None = all are one.
        loses: the batch's dropout, in training.
        """
        length = tokens.shape[1]
        x = self.tokens(tokens) + self.positions(torch.arange(length, device=tokens.device))
        band = band_mask(length, self.shape.band, device=tokens.device)
        dense = None if documents is None else document_mask(documents)
        if dense is not None:
            band = dense if band is None else dense & band
        x = loses(x, 0) if loses else x
        for number, block in enumerate(self.blocks):
            x = block(x, band if number % 2 else dense, loses, 1 + 3 * number)
        hidden: Tensor = self.norm(x)
        return hidden

    def logits(self, tokens: Tensor) -> Tensor:
        """Logits of the token after the last one: ids (B, T) to float32 (B, vocab_size)."""
        last = self(tokens)[:, -1]
        return F.linear(last, self.tokens.weight[: self.vocab_size]).float()

    def loss(
        self,
        tokens: Tensor,
        targets: Tensor,
        documents: Tensor | None = None,
        loses: Dropout | None = None,
    ) -> Tensor:
        """Mean cross entropy in nats: ids (B, T) and the ids that follow them, (B, T).

        documents, loses: as in forward; every position is scored, the last of a document too.
        """
        hidden = self(tokens, documents, loses).flatten(0, 1)
        return head_loss(hidden, self.tokens.weight, targets.flatten(), self.vocab_size)


def band_mask(length: int, band: int, *, device: torch.device) -> Tensor | None:
    """Mask by which each position attends to the last `band` up to itself; None where to all."""
    if not 0 < band < length:
        return None
    every = torch.ones(length, length, dtype=torch.bool, device=device)
    return every.tril().triu(1 - band)


def document_mask(documents: Tensor) -> Tensor:
    """Mask by which each position attends to those up to it of its own document alone.

    documents: int (B, T), equal where positions are of the same one. Returns bool (B, 1, T, T).
    """
    same = documents[:, None, :, None] == documents[:, None, None, :]
    return same.tril()
