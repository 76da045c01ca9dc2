"""Charts as inline SVG: bars, histograms and lines, drawn by a few lines of arithmetic.

Colours are CSS classes, so that one drawing serves the light and the dark page. Every text is
escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 12, 34

Point = tuple[float, float]


def number(value: float) -> str:
    """A count as people read it: 1,234; 12.3 k; 4.5 M; 6.7 G."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e5, " k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == ' k' else size):,.{0 if unit == ' k' else 1}f}{unit}"
    return f"{value:,.0f}"


def share(value: float, digits: int = 1) -> str:
    """A fraction as percent."""
    return f"{100 * value:.{digits}f} %"


def plural(count: int, noun: str) -> str:
    """The noun as it follows the count."""
    return noun if count == 1 else f"{noun}s"


def stacked_bar(parts: Sequence[tuple[str, float]], total: float) -> str:
    """One bar as wide as its box: (class, value) side by side, to the scale of `total`."""
    rects = []
    x = 0.0
    for css, value in parts:
        width = 1000 * value / total if total else 0.0
        rects.append(f'<rect class="{css}" x="{x:.2f}" width="{width:.2f}" height="12"/>')
        x += width
    return (
        '<svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(rects)}</svg>"
    )


def histogram(
    series: Mapping[str, Sequence[int]],
    edges: Sequence[float],
    *,
    title: str,
    axis: str,
    is_logarithmic: bool = False,
) -> str:
    """Outlines of the counts of one or more series over shared bins, filled where there is one."""
    top = max((max(counts, default=0) for counts in series.values()), default=0) or 1
    low, high = _scale(edges[0], is_logarithmic), _scale(edges[-1], is_logarithmic)
    frame = _Frame((low, high), (0.0, _round_up(top)))
    drawn = []
    for position, counts in enumerate(series.values()):
        corners: list[Point] = []
        for left, right, count in zip(edges, edges[1:], counts, strict=False):
            corners += [
                (_scale(left, is_logarithmic), count),
                (_scale(right, is_logarithmic), count),
            ]
        outline = frame.path([(low, 0), *corners, (high, 0)])
        drawn.append(f'<path class="area s{position % 6}" d="{outline}"/>')
    ticks = _decades(low, high) if is_logarithmic else _ticks(low, high)
    labels = [(at, _power(at) if is_logarithmic else f"{at:g}") for at in ticks]
    return _figure("".join(drawn), frame, labels, title=title, axis=axis)


def lines(series: Mapping[str, Sequence[Point]], *, title: str, axis: str) -> str:
    """Lines through points (x, y); the second series is drawn with its points."""
    points = [point for line in series.values() for point in line]
    if not points:
        return ""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = math.floor(min(ys)), math.ceil(max(ys))
    frame = _Frame((min(xs), max(xs)), (low, high if high > low else low + 1))
    drawn = []
    for position, line in enumerate(series.values()):
        drawn.append(f'<path class="line s{position % 6}" d="{frame.path(line)}"/>')
        if position:
            drawn += [
                f'<circle class="dot s{position % 6}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
                for x, y in map(frame.place, line)
            ]
    labels = [(at, f"{at:,.0f}") for at in _ticks(*frame.x_range)]
    return _figure("".join(drawn), frame, labels, title=title, axis=axis)


def measured(
    points: Sequence[tuple[float, float, Point | None]],
    law: Sequence[Point],
    *,
    title: str,
    axis: str,
    x_range: Point = (0.0, 1.0),
) -> str:
    """Measured shares (x, y, interval) as dots with whiskers, beside the line they should follow.

    Both axes are shares, 0..1, unless `x_range` says otherwise.
    """
    frame = _Frame(x_range, (0.0, 1.0))
    drawn = [f'<path class="line s0" d="{frame.path(law)}"/>'] if law else []
    for x, y, ends in points:
        if ends is not None:
            (across, low), (_, high) = frame.place((x, ends[0])), frame.place((x, ends[1]))
            at = f'x1="{across:.1f}" x2="{across:.1f}" y1="{low:.1f}" y2="{high:.1f}"'
            drawn.append(f'<line class="whisker s1" {at}/>')
        across, up = frame.place((x, y))
        drawn.append(f'<circle class="dot s1" cx="{across:.1f}" cy="{up:.1f}" r="3"/>')
    labels = [(at, f"{at:g}") for at in _ticks(*x_range)]
    return _figure("".join(drawn), frame, labels, title=title, axis=axis)


def curve(points: Sequence[Point], *, title: str, axis: str) -> str:
    """One line of values from 0 up, with a dot at its least."""
    if not points:
        return ""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    frame = _Frame((min(xs), max(xs)), (0.0, _round_up(max(ys) or 1.0)))
    across, up = frame.place(min(points, key=lambda point: (point[1], point[0])))
    drawn = (
        f'<path class="line s1" d="{frame.path(points)}"/>'
        f'<circle class="dot s1" cx="{across:.1f}" cy="{up:.1f}" r="4"/>'
    )
    labels = [(at, f"{at:g}") for at in _ticks(*frame.x_range)]
    return _figure(drawn, frame, labels, title=title, axis=axis)


def legend(names: Sequence[str]) -> str:
    """The names of the series beside their colours."""
    keys = (
        f'<span class="key"><i class="s{position % 6}"></i>{escape(name)}</span>'
        for position, name in enumerate(names)
    )
    return f'<p class="legend">{"".join(keys)}</p>'


class _Frame:
    """From values to places in the drawing."""

    def __init__(self, x_range: Point, y_range: Point) -> None:
        self.x_range, self.y_range = x_range, y_range

    def place(self, point: Point) -> Point:
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        x = (point[0] - x0) / ((x1 - x0) or 1)
        y = (point[1] - y0) / ((y1 - y0) or 1)
        return LEFT + x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM)

    def path(self, points: Sequence[Point]) -> str:
        places = (f"{x:.1f} {y:.1f}" for x, y in map(self.place, points))
        return "M" + "L".join(places)


def _figure(
    drawn: str, frame: _Frame, labels: Sequence[tuple[float, str]], *, title: str, axis: str
) -> str:
    grid = []
    for at in _ticks(*frame.y_range, about=4):
        _, y = frame.place((frame.x_range[0], at))
        ends = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
        grid.append(f'<line class="grid" {ends}/>')
        grid.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{at:,g}</text>')
    for at, label in labels:
        x, _ = frame.place((at, frame.y_range[0]))
        place = f'x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}"'
        grid.append(f'<text {place} text-anchor="middle">{escape(label)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    grid.append(f'<text class="axis" x="{middle}" y="{HEIGHT - 2}">{escape(axis)}</text>')
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>{''.join(grid)}{drawn}</svg>"
    )


def _scale(value: float, is_logarithmic: bool) -> float:
    return math.log10(value) if is_logarithmic else value


def _power(exponent: float) -> str:
    return number(10**exponent)


def _decades(low: float, high: float) -> list[float]:
    return [float(at) for at in range(math.ceil(low), math.floor(high) + 1)]


def _ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers between low and high, about so many."""
    step = _step((high - low) / about)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(at * step, 10) for at in range(first, last + 1)]


def _step(rough: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that reaches `rough`."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def _round_up(top: float) -> float:
    step = _step(top / 4)
    return step * math.ceil(top / step)
