"""How many tokens a model wants, how large a model a budget pays for, and what training costs.

Four published laws of the loss of a decoder in nats a token:
- `epoch`: Hoffmann et al.'s parametric loss as Besiroglu et al. (2024) fitted it to the same runs.
  The one to plan by: the original fit stopped early, so that its constants contradict the other
  two approaches of its own paper.
- `hoffmann`: Hoffmann et al. 2022 (Chinchilla), approach 3, as its text prints the constants;
  `hoffmann_unrounded` has those of its source. At Chinchilla's budget they ask for 93 and 59 tokens
  a parameter, where the paper trained on 20 and `epoch` says 18.
- `kaplan`: Kaplan et al. 2020. Learning rates were not fitted to each length, parameters leave the
  embedding out and models were small: its models are larger and its tokens fewer than later laws'.

They hold for English web text, each token seen once, and tokenizers of 32,000 to 50,257 tokens; the
largest runs had 16 B parameters and 500 B tokens (Hoffmann), 1.5 B and 23 B (Kaplan). FLOPs are
training FLOPs: 6 a parameter and token, 2 forward and 4 backward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from corpus.trainer.shapes import ModelShape

FLOPS_PER_PARAMETER_AND_TOKEN = 6  # Kaplan et al. 2020, section 2.1
PETAFLOP_DAY = 1e15 * 24 * 3600  # 8.64e19, Kaplan's unit of compute


class Optimum(NamedTuple):
    """The model and the text that give the lowest loss for their compute."""

    num_parameters: float
    num_tokens: float


class Law(Protocol):
    """What every law answers."""

    @property
    def name(self) -> str:
        """How the law is called."""

    @property
    def formula(self) -> str:
        """How its tokens follow, with the constants."""

    @property
    def source(self) -> str:
        """Where the constants stand."""

    def loss(self, num_parameters: float, num_tokens: float) -> float:
        """Nats a token after training on so many tokens once."""

    def optimum(self, flops: float) -> Optimum:
        """The best model and its tokens for so many FLOPs."""

    def tokens_for(self, num_parameters: float) -> float:
        """The tokens at which no other size would have used the compute better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parametric:
    """L(N, D) = E + A / N^alpha + B / D^beta, at its least on 6 N D = C (Hoffmann, equation 4)."""

    name: str
    source: str
    entropy: float
    a: float
    b: float
    alpha: float
    beta: float

    @property
    def formula(self) -> str:
        """How tokens follow, with the constants."""
        return (
            "least L = E + A / N^alpha + B / D^beta on 6 N D = C: N = G (C / 6)^(beta / (alpha + "
            "beta)), D = C / (6 N), G = (alpha A / (beta B))^(1 / (alpha + beta)); "
            f"E {self.entropy:g}, A {self.a:g}, B {self.b:g}, alpha {self.alpha:g}, "
            f"beta {self.beta:g}"
        )

    def loss(self, num_parameters: float, num_tokens: float) -> float:
        """Nats a token after training on so many tokens once."""
        _require_positive(num_parameters=num_parameters, num_tokens=num_tokens)
        return self.entropy + self.a / num_parameters**self.alpha + self.b / num_tokens**self.beta

    def optimum(self, flops: float) -> Optimum:
        """The best model and its tokens for so many FLOPs."""
        _require_positive(flops=flops)
        product = flops / FLOPS_PER_PARAMETER_AND_TOKEN
        size = self._ratio() * product ** (self.beta / (self.alpha + self.beta))
        return Optimum(size, product / size)

    def tokens_for(self, num_parameters: float) -> float:
        """The tokens at which no other size would have used the compute better."""
        _require_positive(num_parameters=num_parameters)
        both = (self.alpha + self.beta) / self.beta
        return float((num_parameters / self._ratio()) ** both / num_parameters)

    def _ratio(self) -> float:
        """G: how parameters weigh against tokens."""
        inner = self.alpha * self.a / (self.beta * self.b)
        return float(inner ** (1 / (self.alpha + self.beta)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kaplan:
    """Kaplan et al.'s laws; parameters are those outside of the embeddings.

    Its budget is C_min, what the loss costs at batches far below the critical one, so that 6 N D is
    1.8 times it at one PF-day: the three printed power laws were fitted each by itself.
    """

    name: str
    source: str

    @property
    def formula(self) -> str:
        """How tokens follow, with the constants."""
        return (
            "N = 1.3e9 C^0.73 outside of the embeddings, D = 2e10 C^0.27, C in PF-days of 8.64e19 "
            "FLOPs at small batches"
        )

    def loss(self, num_parameters: float, num_tokens: float) -> float:
        """Nats a token at convergence with early stopping (equation 1.5, constants of Table 2)."""
        _require_positive(num_parameters=num_parameters, num_tokens=num_tokens)
        of_size = (6.4e13 / num_parameters) ** (0.076 / 0.103)
        return float((of_size + 1.8e13 / num_tokens) ** 0.103)

    def optimum(self, flops: float) -> Optimum:
        """The best model and its tokens for so many FLOPs (Table 6)."""
        _require_positive(flops=flops)
        days = flops / PETAFLOP_DAY
        return Optimum(1.3e9 * days**0.73, 2e10 * days**0.27)

    def tokens_for(self, num_parameters: float) -> float:
        """The tokens of the budget whose best model this is."""
        _require_positive(num_parameters=num_parameters)
        days = (num_parameters / 1.3e9) ** (1 / 0.73)
        return float(2e10 * days**0.27)


EPOCH = Parametric(
    name="epoch",
    source="Besiroglu et al. 2024, a refit of Hoffmann et al. 2022, approach 3",
    entropy=1.8172, a=482.01, b=2085.43, alpha=0.3478, beta=0.3658,
)  # fmt: skip
HOFFMANN = Parametric(
    name="hoffmann",
    source="Hoffmann et al. 2022, approach 3, constants as printed",
    entropy=1.69, a=406.4, b=410.7, alpha=0.34, beta=0.28,
)  # fmt: skip
HOFFMANN_UNROUNDED = Parametric(
    name="hoffmann_unrounded",
    source="Hoffmann et al. 2022, approach 3, constants of its source, as Besiroglu et al. cite",
    entropy=1.6934, a=406.4, b=410.7, alpha=0.3392, beta=0.2849,
)  # fmt: skip
KAPLAN = Kaplan(name="kaplan", source="Kaplan et al. 2020, Table 6")

LAWS: dict[str, Law] = {
    law.name: law for law in (EPOCH, HOFFMANN, HOFFMANN_UNROUNDED, KAPLAN)
}  # the first is the one to plan by


def tokens_against_overfitting(num_parameters: float) -> float:
    """Tokens from which repeating them costs less loss than a seed does (Kaplan, equation 4.4).

    num_parameters: outside of the embeddings.
    """
    _require_positive(num_parameters=num_parameters)
    return float(5e3 * num_parameters**0.74)


def training_flops(num_parameters: float, num_tokens: float) -> float:
    """6 N D: what matrix products with weights cost, without attention between positions."""
    return FLOPS_PER_PARAMETER_AND_TOKEN * num_parameters * num_tokens


def parameters_outside_embeddings(shape: ModelShape) -> int:
    """12 L d^2, Kaplan's count of a model (section 2.1), without biases and norms."""
    return 12 * shape.num_layers * shape.width**2


def flops_per_token(shape: ModelShape, vocab_size: int) -> int:
    """Training FLOPs a token of this decoder, with attention and the output layer.

    3 times the forward pass: 2 a weight of the matrices and of the output layer, and 4 T d a layer
    for scores and mixed values, each query against all T positions, as Hoffmann et al. (appendix F)
    and PaLM (appendix B) count; a kernel that skips the masked half does half of those.
    """
    weights = parameters_outside_embeddings(shape) + vocab_size * shape.width
    attention = 4 * shape.num_layers * shape.context * shape.width
    return 3 * (2 * weights + attention)


def device_hours(flops: float, *, peak_flops: float, utilisation: float) -> float:
    """Hours of one device at a share of its peak FLOPs a second."""
    _require_positive(flops=flops, peak_flops=peak_flops, utilisation=utilisation)
    if utilisation > 1:
        raise ValueError(f"utilisation is {utilisation:g}, expected above 0 and up to 1")
    return flops / (peak_flops * utilisation) / 3600


def _require_positive(**given: float) -> None:
    for name, value in given.items():
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} is {value:g}, expected a number above 0")
