"""Charts: what is drawn where."""

from __future__ import annotations

import pytest

from jobs.reporting import charts


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (12_345, "12,345"), (123_456, "123 k"), (4_500_000, "4.5 M"),
     (6.7e9, "6.7 G")],
)  # fmt: skip
def test_counts_read_as_people_read_them(value: float, text: str):
    assert charts.number(value) == text


def test_a_bar_is_stacked_to_scale():
    bar = charts.stacked_bar([("kept", 1), ("fell", 3)], 8)
    assert '<rect class="kept" x="0.00" width="125.00"' in bar
    assert '<rect class="fell" x="125.00" width="375.00"' in bar


def test_a_bar_of_nothing_is_empty():
    assert 'width="0.00"' in charts.stacked_bar([("kept", 0)], 0)


def test_a_histogram_outlines_its_counts():
    drawn = charts.histogram({"a": [1, 4]}, [0, 1, 2], title="t", axis="x")
    left, right, bottom, top = 52.0, 618.0, 186.0, 12.0
    middle, quarter = (left + right) / 2, bottom - (bottom - top) / 4
    path = (
        f"M{left} {bottom}L{left} {quarter}L{middle} {quarter}L{middle} {top}L{right} {top}"
        f"L{right} {bottom}"
    )
    assert f'd="{path}"' in drawn


def test_a_logarithmic_axis_is_labelled_by_decades():
    drawn = charts.histogram(
        {"a": [1, 4]}, [10, 100, 1000], title="t", axis="x", is_logarithmic=True
    )
    assert [label in drawn for label in (">10<", ">100<", ">1,000<")] == [True] * 3


def test_every_text_is_escaped():
    drawn = charts.histogram({"<b>": [1]}, [0, 1], title="<t>", axis="<x>")
    assert "<t>" not in drawn
    assert "<x>" not in drawn
    assert "<b>" not in charts.legend(["<b>"])


def test_no_points_are_no_chart():
    assert charts.lines({"a": []}, title="t", axis="x") == ""


def test_one_point_and_a_flat_line_are_drawn():
    assert "<circle" in charts.lines({"a": [], "b": [(0, 2.0)]}, title="t", axis="x")
    assert "<path" in charts.lines({"a": [(0, 2.0), (5, 2.0)]}, title="t", axis="x")


def test_measured_shares_have_whiskers_and_a_law():
    drawn = charts.measured(
        [(0.5, 0.5, (0.25, 1.0)), (1.0, 0.0, None)], [(0.0, 0.0), (1.0, 1.0)], title="t", axis="x"
    )
    assert 'd="M52.0 186.0L618.0 12.0"' in drawn
    assert '<line class="whisker s1" x1="335.0" x2="335.0" y1="142.5" y2="12.0"/>' in drawn
    assert '<circle class="dot s1" cx="335.0" cy="99.0" r="3"/>' in drawn
    assert drawn.count("whisker") == 1
    assert drawn.count("<circle") == 2


def test_a_curve_marks_its_least():
    drawn = charts.curve([(0.0, 0.4), (32.0, 0.1), (64.0, 0.2)], title="t", axis="x")
    assert '<circle class="dot s1" cx="335.0"' in drawn
    assert ">60<" in drawn
    assert charts.curve([], title="t", axis="x") == ""
    assert "<path" in charts.curve([(0.0, 0.0)], title="t", axis="x")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0, 300, [0, 100, 200, 300]), (3, 9, [4, 6, 8])],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]):
    assert charts._ticks(low, high) == ticks
