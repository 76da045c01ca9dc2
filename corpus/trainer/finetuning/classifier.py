"""A GPT that answers a task: its new parameters, its outputs, and GPT-1's loss.

New are the embeddings of the start, delimiter and extract tokens, and the matrix W_y, which maps
the last hidden state of the extract token to the classes, to a score, or to how well a choice fits
(Radford et al. 2018, sections 3.2 and 3.3). Similarity adds the states of its two orders before
W_y; multiple choice takes a softmax over its choices.

The loss is L3 = L2 + weight * L1. L2 is the task's cross entropy, or the squared error of a
standardised score, mean over examples. L1 is the language model's cross entropy over all that
follows each start token, mean over tokens; the new tokens are among what is predicted, as in the
released code, where they are rows of the embedding. Choices that are wrong are text too.

The embedding keeps its own rows, and the three stand beside it: the model itself is not changed, so
that any GPT whose `tokens` looks up ids can be fine-tuned.

Shape letters: E examples, S sequences, T positions, D width, C classes or choices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from corpus.trainer.dropout import Dropout
from corpus.trainer.finetuning.batching import Batch, derived_seed
from corpus.trainer.finetuning.inputs import NUM_SPECIAL
from corpus.trainer.finetuning.tasks import Task
from corpus.trainer.head import head_loss
from corpus.trainer.model import GPT, INIT_STD


class ExtendedEmbedding(nn.Embedding):
    """An embedding that also knows the ids after its vocabulary's."""

    def __init__(self, tokens: nn.Embedding, vocab_size: int, special: Tensor) -> None:
        """tokens: its weight is shared, not copied; special: (NUM_SPECIAL, D)."""
        super().__init__(tokens.num_embeddings, tokens.embedding_dim, _weight=tokens.weight)
        self.weight = tokens.weight
        self.vocab_size = vocab_size
        self.special = nn.Parameter(special)

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors of ids below vocab_size + NUM_SPECIAL."""
        is_special = ids >= self.vocab_size
        of_text = F.embedding(ids.masked_fill(is_special, 0), self.weight)
        of_special = F.embedding((ids - self.vocab_size).clamp(min=0), self.special)
        return torch.where(is_special[..., None], of_special, of_text)

    def output_weight(self) -> Tensor:
        """The rows of all ids, (vocab_size + NUM_SPECIAL, D), for the tied output layer."""
        return torch.cat([self.weight[: self.vocab_size], self.special])


class Losses(NamedTuple):
    """Of a batch, in nats (or standardised squares), each a scalar."""

    task: Tensor
    """L2, mean over examples."""
    lm: Tensor
    """L1, mean over tokens."""


class Classifier(nn.Module):
    """A GPT with the new parameters of a task."""

    def __init__(self, gpt: GPT, task: Task, num_outputs: int, *, seed: int) -> None:
        """gpt becomes part of it, and has the new tokens from then on."""
        super().__init__()
        self.task = task
        generator = torch.Generator().manual_seed(derived_seed(seed, "new parameters"))
        width, device = gpt.shape.width, gpt.tokens.weight.device
        special = torch.empty(NUM_SPECIAL, width)
        nn.init.normal_(special, std=INIT_STD, generator=generator)
        gpt.tokens = ExtendedEmbedding(gpt.tokens, gpt.vocab_size, special.to(device))
        self.gpt = gpt
        self.output = nn.Linear(width, num_outputs, bias=False)
        nn.init.normal_(self.output.weight, std=INIT_STD, generator=generator)
        self.output.to(device)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.output.weight.device

    def forward(self, batch: Batch) -> Tensor:
        """Outputs of each example, float32: (E, C), a score (E,); -infinity where no choice is."""
        return self._outputs(self.gpt(batch.ids), batch, None)

    def losses(
        self,
        batch: Batch,
        scale: Tensor | None = None,
        loses: Dropout | None = None,
        *,
        with_lm: bool = True,
    ) -> Losses:
        """L2 and L1 of a batch; L1 is 0 where it is not asked for.

        scale: (E, D), what dropout leaves of each feature of an example's extract states.
        loses: the model's own dropout, of each sequence.
        """
        hidden = self.gpt(batch.ids, loses=loses)
        outputs = self._outputs(hidden, batch, scale)
        if self.task.target == "score":
            task = F.mse_loss(outputs, batch.targets)
        else:
            task = F.cross_entropy(outputs, batch.targets)
        lm = self._lm_loss(hidden, batch) if with_lm else torch.zeros_like(task)
        return Losses(task, lm)

    def _outputs(self, hidden: Tensor, batch: Batch, scale: Tensor | None) -> Tensor:
        rows = torch.arange(len(batch.ids), device=hidden.device)
        states = hidden[rows, batch.sizes - 1]  # (S, D)
        num_examples = len(batch.targets)
        if scale is not None:
            states = states * scale[batch.owner]
        if self.task.kind == "similarity":
            states = states.view(num_examples, 2, -1).sum(1)
        outputs: Tensor = self.output(states).float()
        if self.task.kind == "multiple_choice":
            num_choices = int(batch.place.max()) + 1
            table = outputs.new_full((num_examples, num_choices), -math.inf)
            return table.index_put((batch.owner, batch.place), outputs[:, 0])
        return outputs[:, 0] if self.task.target == "score" else outputs

    def _lm_loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Mean cross entropy of every token that another is before."""
        tokens = self.gpt.tokens
        assert isinstance(tokens, ExtendedEmbedding)
        places = torch.arange(1, batch.ids.shape[1], device=hidden.device)
        is_target = places < batch.sizes[:, None]  # (S, T - 1)
        weight = tokens.output_weight()
        return head_loss(
            hidden[:, :-1][is_target], weight, batch.ids[:, 1:][is_target], len(weight)
        )


def num_targets(batch: Batch) -> int:
    """Tokens that L1 is the mean over."""
    return int((batch.sizes - 1).sum())


def dropout_scale(num_examples: int, width: int, share: float, *, seed: int, step: int) -> Tensor:
    """What dropout leaves of each feature, (num_examples, width): 0, or 1 / (1 - share).

    A function of seed and step alone. All sequences of an example lose the same features, as in the
    released code, so that choices and orders stay comparable.
    """
    generator = torch.Generator().manual_seed(derived_seed(seed, "dropout", step))
    draws = torch.rand(num_examples, width, generator=generator)
    return (draws >= share).float() / (1 - share)


def sequence_keys(batch: Batch, places: Sequence[int], *, seed: int, step: int) -> Tensor:
    """Keys of the model's dropout, int64 (S,), by seed, step, example and sequence alone.

    places: of the batch's examples in their step.
    """
    of_sequences = zip(batch.owner.tolist(), batch.place.tolist(), strict=True)
    return torch.tensor(
        [derived_seed(seed, "model dropout", step, places[owner], place)
         for owner, place in of_sequences]
    )  # fmt: skip
