"""The evaluation as a Markdown page: the model beside the other engines, on pages it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from corpus.extraction.blocks.training.evaluate import (
    Texts,
    by_group,
    count_snippets,
    difference_interval,
    f1_scores,
)
from corpus.extraction.blocks.training.pages import Page

NOTICEABLE = 0.005  # of F1, in counts of pages won and lost

HEAD = """# The block model, evaluated

Made by `python -m corpus.extraction.blocks.training evaluate`. F1 is of word 4-grams as multisets,
mean over pages. Under `blocks` every page was judged by a model that saw no page of its registered
domain ({num_folds} folds); under `source left out`, by one that saw no page of its source either.
"""


def render_report(
    pages: Sequence[Page],
    *,
    engines: Mapping[str, Texts],
    sources_left_out: Mapping[str, Texts],
    curve: Mapping[float, float],
    num_folds: int,
) -> str:
    """The page; engines: `blocks` cross-validated, and the others."""
    scores = {name: f1_scores(pages, texts) for name, texts in engines.items()}
    parts = [
        HEAD.format(num_folds=num_folds),
        _groups_table(pages, scores),
        _comparison(pages, scores),
        _left_out_table(pages, scores, sources_left_out),
        _snippets_table(pages, engines),
        _curve_table(curve),
    ]
    return "\n".join(parts)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _groups_table(pages: Sequence[Page], scores: Mapping[str, dict[str, float]]) -> str:
    groups = {name: by_group(pages, found) for name, found in scores.items()}
    first = next(iter(groups.values()))
    rows = [
        [group, str(num), *(f"{found[group][1]:.4f}" for found in groups.values())]
        for group, (num, _) in first.items()
    ]
    return "\n## By source and page type\n\n" + _table(["pages", "number", *groups], rows)


def _comparison(pages: Sequence[Page], scores: Mapping[str, dict[str, float]]) -> str:
    lines = ["\n## Page by page\n"]
    ours = scores["blocks"]
    for name, theirs in scores.items():
        if name == "blocks":
            continue
        low, high = difference_interval(pages, ours, theirs)
        mean = sum(ours[page] - theirs[page] for page in ours) / len(ours)
        won = sum(ours[page] > theirs[page] + NOTICEABLE for page in ours)
        lost = sum(ours[page] < theirs[page] - NOTICEABLE for page in ours)
        lines.append(
            f"Against {name}: {mean:+.4f} (95 % interval by bootstrap over domains "
            f"{low:+.4f} to {high:+.4f}); better on {won} pages, worse on {lost}, of {len(ours)}.\n"
        )
    return "\n".join(lines)


def _left_out_table(
    pages: Sequence[Page],
    scores: Mapping[str, dict[str, float]],
    left_out: Mapping[str, Texts],
) -> str:
    rows = []
    for source, texts in left_out.items():
        own = [page for page in pages if page.source == source]
        found = f1_scores(own, texts)
        mean = sum(found.values()) / len(found)
        others = [sum(score[page] for page in found) / len(found) for score in scores.values()]
        rows.append([source, str(len(found)), f"{mean:.4f}", *(f"{value:.4f}" for value in others)])
    return "\n## A source left out\n\n" + _table(
        ["source", "pages", "source left out", *scores], rows
    )


def _snippets_table(pages: Sequence[Page], engines: Mapping[str, Texts]) -> str:
    rows = []
    for source in dict.fromkeys(page.source for page in pages if page.must or page.must_not):
        own = [page for page in pages if page.source == source]
        for name, texts in engines.items():
            found = count_snippets(own, texts)
            rows.append([
                source,
                name,
                f"{found.must_found} of {found.must}",
                f"{found.must_not_found} of {found.must_not}",
            ])
    return "\n## Snippets that must and must not be in the text\n\n" + _table(
        ["source", "engine", "must, found", "must not, found"], rows
    )


def _curve_table(curve: Mapping[float, float]) -> str:
    rows = [[f"{share:.0%}", f"{score:.4f}"] for share, score in curve.items()]
    return "\n## Learning curve: share of the other domains' pages, F1 of one fold\n\n" + _table(
        ["share", "F1"], rows
    )
