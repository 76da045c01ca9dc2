"""Published mixtures: the recipes' weights and the papers' sizes give the papers' epochs.

Each figure is printed rounded: what follows from the table is a range of epochs, and a printed one
is right where its own range meets it.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest

from filters.mixture import SourceTotal, plan
from jobs.recipe import Recipe, read_recipe


class Row(NamedTuple):
    """A source of a table."""

    billions: float
    """Tokens."""
    epochs: float | None
    """As printed."""


class Table(NamedTuple):
    """A table of a paper, for the sources of a recipe."""

    recipe: str
    weight_sum: float
    """Of the printed weights, percent."""
    weight_digit: float
    """Unit of the last digit of a weight; and so for tokens, billions, and epochs."""
    token_digit: float
    epoch_digit: float
    rows: dict[str, Row]


# Brown et al. 2020, Table 2.2: for 300 B tokens.
GPT3 = Table("gpt3", 101, 1, 1, 0.01, {
    "crawl": Row(410, 0.44), "webtext": Row(19, 2.9), "books1": Row(12, 1.9),
    "books2": Row(55, 0.43), "wikipedia": Row(3, 3.4),
})  # fmt: skip

# Rae et al. 2021, Table 2: tokens; they sum to the 2.35 T of which 300 B are 12.8 %.
MASSIVETEXT = {
    "massiveweb": 506, "books": 560, "c4": 182, "news": 676, "github": 422, "wikipedia": 4
}  # fmt: skip
# Hoffmann et al. 2022, Table A1: for 1.4 T tokens.
A1_EPOCHS = {
    "massiveweb": 1.24, "books": 0.75, "c4": 0.77, "news": 0.21, "github": 0.13, "wikipedia": 3.40
}  # fmt: skip
CHINCHILLA = Table("chinchilla", 100, 1, 1, 0.01, {
    name: Row(size, A1_EPOCHS[name]) for name, size in MASSIVETEXT.items()
})  # fmt: skip

# Smith et al. 2022, Table 2. The epochs are given from memory: no copy was at hand to compare.
MT_NLG = Table("mt_nlg", 100.1, 0.1, 0.1, 0.1, {
    "books3": Row(25.7, 1.5), "openwebtext2": Row(14.8, 3.6), "stack_exchange": Row(11.6, 1.4),
    "pubmed_abstracts": Row(4.4, 1.8), "wikipedia": Row(4.2, 3.2), "gutenberg": Row(2.7, 0.9),
    "bookcorpus2": Row(1.5, 1.8), "nih_exporter": Row(0.3, 1.8), "arxiv": Row(20.8, 0.2),
    "github": Row(24.3, 0.2), "pile_cc": Row(49.8, 0.5), "cc_2020_50": Row(68.7, 0.5),
    "cc_2021_04": Row(82.6, 0.5), "realnews": Row(21.9, 1.1), "cc_stories": Row(5.3, 0.5),
})  # fmt: skip
MASSIVETEXT_OF_GOPHER = Table("massivetext", 100, 1, 1, 0.01, {
    name: Row(size, None) for name, size in MASSIVETEXT.items()
})  # fmt: skip
TABLES = [GPT3, CHINCHILLA, MT_NLG, MASSIVETEXT_OF_GOPHER]

# Microsoft's example scripts of Megatron-DeepSpeed blend these sources so.
DATA_BLEND = {
    "books3": 0.14336, "realnews": 0.08962, "openwebtext2": 0.19336, "stack_exchange": 0.05689,
    "cc_stories": 0.00859, "pubmed_abstracts": 0.02897, "wikipedia": 0.04771,
    "gutenberg": 0.00873, "bookcorpus2": 0.01007, "nih_exporter": 0.00208, "cc_2020_50": 0.13017,
    "pile_cc": 0.09446, "cc_2021_04": 0.15652, "arxiv": 0.01359, "github": 0.01588,
}  # fmt: skip

# Huang et al. 2023, Table 20: KOSMOS-1 took eleven of MT-NLG's sources: billions, percent, epochs.
KOSMOS = {
    "openwebtext2": (14.8, 21.8, 1.47), "cc_2021_04": (82.6, 17.7, 0.21),
    "books3": (25.7, 16.2, 0.63), "cc_2020_50": (68.7, 14.7, 0.21), "pile_cc": (49.8, 10.6, 0.21),
    "realnews": (21.9, 10.2, 0.46), "wikipedia": (4.2, 5.4, 1.29), "bookcorpus2": (1.5, 1.1, 0.75),
    "gutenberg": (2.7, 1.0, 0.38), "cc_stories": (5.3, 1.0, 0.19), "nih_exporter": (0.3, 0.2, 0.75),
}  # fmt: skip


def epochs_of(table: Table, billions: float) -> dict[str, float]:
    """What `winnow mix` would plan of a corpus that has the table's sizes, for a budget."""
    recipe: Recipe = read_recipe(table.recipe)
    settings = msgspec.structs.replace(recipe.mix, total_tokens=round(billions * 1e9))
    totals = [
        SourceTotal(
            source=name, num_documents=10**6, num_bytes=round(4e9 * row.billions),
            num_tokens=round(1e9 * row.billions),
        )
        for name, row in table.rows.items()
    ]  # fmt: skip
    planned = plan(totals, settings, known_sources=recipe.sources)
    return {source.source: source.epochs for source in planned}


def range_of(table: Table, name: str, billions: float) -> tuple[float, float]:
    """The least and the most epochs that the printed weight and size of a source allow."""
    epochs, weight = epochs_of(table, billions)[name], read_recipe(table.recipe).mix.weights[name]
    size = table.rows[name].billions
    by_weight, by_size = table.weight_digit / 2 / weight, table.token_digit / 2 / size
    return epochs * (1 - by_weight) / (1 + by_size), epochs * (1 + by_weight) / (1 - by_size)


def unlike(table: Table, billions: float) -> set[str]:
    """Sources whose printed epochs do not follow from what is printed beside them."""
    found = set()
    for name, row in table.rows.items():
        low, high = range_of(table, name, billions)
        if row.epochs is not None and not (
            row.epochs - table.epoch_digit / 2 <= high and low <= row.epochs + table.epoch_digit / 2
        ):
            found.add(name)
    return found


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.recipe)
def test_a_recipe_has_the_sources_of_its_table_and_weights_that_sum_as_printed(table):
    recipe = read_recipe(table.recipe)
    assert set(recipe.mix.weights) == set(recipe.sources) == set(table.rows)
    assert sum(recipe.mix.weights.values()) == pytest.approx(table.weight_sum)
    assert recipe.mix.total_tokens == 0


def test_chinchilla_s_epochs_follow_from_its_table():
    assert unlike(CHINCHILLA, 1400) == set()
    found = epochs_of(CHINCHILLA, 1400)
    assert found.pop("wikipedia") == 3.5  # of 4 B as printed; 3.40 of 4.12
    for name, epochs in found.items():
        assert epochs == pytest.approx(A1_EPOCHS[name], abs=0.0055)


def test_gpt_3_s_epochs_follow_from_its_table_but_for_webtext2():
    """Its 22 % of 300 B tokens are 3.4 times 19 B: 2.9 epochs would be 18 %."""
    assert unlike(GPT3, 300) == {"webtext"}
    assert epochs_of(GPT3, 300)["webtext"] == pytest.approx(3.44, abs=0.005)


def test_gopher_takes_an_eighth_of_massivetext_and_wikipedia_once_and_a_half():
    """Rae et al. print no epochs; "12.8 % of the tokens" of 2.35 T."""
    assert sum(MASSIVETEXT.values()) == 2350
    assert round(300 / 2350, 3) == 0.128
    found = epochs_of(MASSIVETEXT_OF_GOPHER, 300)
    assert {name: round(value, 2) for name, value in found.items()} == {
        "massiveweb": 0.28, "books": 0.14, "c4": 0.16, "news": 0.04, "github": 0.02,
        "wikipedia": 1.5,
    }  # fmt: skip


def test_mt_nlg_s_epochs_all_follow_from_one_budget():
    """Of 272 to 280 B tokens; of the 270 B that the model was trained on two are too high."""
    fitting = [billions for billions in range(260, 300) if not unlike(MT_NLG, billions)]
    assert fitting == list(range(272, 281))
    assert unlike(MT_NLG, 270) == {"openwebtext2", "stack_exchange"}
    found = epochs_of(MT_NLG, 270)
    for name, row in MT_NLG.rows.items():
        assert found[name] == pytest.approx(row.epochs, abs=0.15)


def test_mt_nlg_s_weights_are_those_of_its_makers_scripts():
    weights = read_recipe("mt_nlg").mix.weights
    assert {name: round(100 * weight, 1) for name, weight in DATA_BLEND.items()} == weights
    assert sum(DATA_BLEND.values()) == pytest.approx(1)
    assert sum(row.billions for row in MT_NLG.rows.values()) == pytest.approx(339, abs=0.5)


def test_mt_nlg_s_sizes_are_those_that_kosmos_1_prints_too():
    weights = read_recipe("mt_nlg").mix.weights
    whole = sum(weights[name] for name in KOSMOS)
    for name, (billions, percent, epochs) in KOSMOS.items():
        assert MT_NLG.rows[name].billions == billions
        assert 100 * weights[name] / whole == pytest.approx(percent, abs=0.12)
        assert percent / billions == pytest.approx(epochs, abs=0.13)  # of 100 B tokens
