"""States of sequences that begin alike are the model's own, and cost less."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.evaluation.prefixes import hidden_states  # noqa: E402
from corpus.trainer.evaluation.scoring import Request, score  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402
from tests.corpus.trainer.known_models import Table  # noqa: E402

FIRST, SECOND = list(range(1, 17)), list(range(20, 30))
ROWS = [
    [*FIRST, 40], [*FIRST, 41, 42, 43], [*FIRST, 44, 45],
    [*SECOND, 40, 41, 42], [*SECOND, 43],
    [5, 6, 7],
]  # fmt: skip


def model_of(**kind):
    model = GPT(ModelShape(num_layers=4, num_heads=2, width=16, context=20, **kind), 50, seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=torch.Generator())
    return model.eval()


def tokens_passed(model, monkeypatch):
    """Tokens that the model's layers are given."""
    counts = []
    forward = type(model.blocks[0]).feed_forward

    def counted(self, x):
        counts.append(x.shape[0] * x.shape[1])
        return forward(self, x)

    monkeypatch.setattr(type(model.blocks[0]), "feed_forward", counted)
    return counts


@pytest.mark.parametrize("kind", [{}, {"norm": "post"}, {"band": 3}, {"band": 12}])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:3], ROWS[3:5], [FIRST, FIRST[:-1]]])
def test_states_are_those_of_a_pass_over_each_row(kind, rows):
    model = model_of(**kind)
    found = hidden_states(model, rows)
    assert found.shape == (len(rows), max(map(len, rows)), 16)
    with torch.no_grad():
        for row, states in zip(rows, found, strict=True):
            expected = model(torch.tensor([row]))[0]
            torch.testing.assert_close(states[: len(row)], expected, rtol=1e-4, atol=1e-5)


def test_what_is_shared_is_passed_over_once(monkeypatch):
    model = model_of()
    counts = tokens_passed(model, monkeypatch)
    hidden_states(model, ROWS[:3])
    assert sum(counts) == 4 * (16 + 3 * 3)  # layers, the beginning, three padded ends


@pytest.mark.parametrize("rows", [[FIRST, SECOND], [[1, 2, 3], [1, 4, 5]], [FIRST]])
def test_where_little_is_shared_all_is_passed_over(rows, monkeypatch):
    model = model_of()
    counts = tokens_passed(model, monkeypatch)
    hidden_states(model, rows)
    assert sum(counts) == 4 * len(rows) * max(map(len, rows))


def test_rows_as_long_as_the_context_leave_room_for_padding():
    model = model_of()
    rows = [[*FIRST, 40, 41, 42, 43], [*FIRST, 44], [*range(25), 45][-20:], [*FIRST[:12], 3]]
    found = hidden_states(model, rows)
    with torch.no_grad():
        for row, states in zip(rows, found, strict=True):
            expected = model(torch.tensor([row]))[0]
            torch.testing.assert_close(states[: len(row)], expected, rtol=1e-4, atol=1e-5)


def test_a_kind_of_model_that_is_not_known_is_passed_over_as_it_is():
    rows = [[float(3 * i + j) for j in range(50)] for i in range(50)]
    model = Table(rows, context=20)
    found = hidden_states(model, ROWS[:2])
    assert torch.equal(found[1], model(torch.tensor([ROWS[1]]))[0])


@pytest.mark.parametrize("num_sequences", [1, 3, 16])
def test_options_score_as_each_does_alone(num_sequences):
    model = model_of()
    draw = torch.Generator().manual_seed(7)
    requests = []
    for size in (3, 14, 16, 19, 30):
        context = tuple(torch.randint(0, 50, (size,), generator=draw).tolist())
        for length in (1, 1, 4, 2):
            ids = torch.randint(0, 50, (length,), generator=draw).tolist()
            requests.append(Request(context=context, continuation=tuple(ids)))
    alone = [score(model, [one])[0] for one in requests]
    for one, together in zip(
        alone, score(model, requests, num_sequences=num_sequences), strict=True
    ):
        assert together.token_log_probabilities == pytest.approx(
            one.token_log_probabilities, abs=1e-4
        )
