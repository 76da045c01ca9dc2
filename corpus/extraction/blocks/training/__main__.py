"""Train the block model, or evaluate it.

    python -m corpus.extraction.blocks.training fit      --gold GOLD --archives FOLDER
    python -m corpus.extraction.blocks.training evaluate --gold GOLD --archives FOLDER

`fit` writes model.npz and card.json beside the engine, and prints the hash that shipped.py is to
name; `evaluate` writes EVALUATION.md there. Both
need the package lightgbm (extra `blocks`) and are single-threaded: about three minutes a model, of
which `evaluate` fits a dozen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import lightgbm

from corpus.extraction import clean_text
from corpus.extraction.blocks.model import to_bytes
from corpus.extraction.blocks.shipped import MODEL
from corpus.extraction.blocks.training.evaluate import (
    NUM_FOLDS,
    Texts,
    cross_validate,
    learning_curve,
    leave_source_out,
)
from corpus.extraction.blocks.training.fit import (
    KEPT_TREES,
    PARAMETERS,
    REGULARISATION,
    TREES,
    fit_model,
)
from corpus.extraction.blocks.training.pages import Page, add_labels, read_pages
from corpus.extraction.blocks.training.report import render_report
from corpus.extraction.engines import load_engine

ENGINE_FOLDER = Path(__file__).parents[1]
CARD, EVALUATION = "card.json", "EVALUATION.md"
PEERS = ("trafilatura", "resiliparse")
CURVE_SHARES = (0.125, 0.25, 0.5, 1.0)


def main(arguments: Sequence[str]) -> None:
    """Run a command."""
    parser = argparse.ArgumentParser(prog="corpus.extraction.blocks.training")
    parser.add_argument("command", choices=("fit", "evaluate"))
    parser.add_argument("--gold", type=Path, required=True, help="JSON lines, see pages.py")
    parser.add_argument("--archives", type=Path, required=True, help="folder of *.warc.gz")
    parser.add_argument("--out", type=Path, default=ENGINE_FOLDER)
    options = parser.parse_args(arguments)
    pages = list(read_pages(options.gold, sorted(options.archives.glob("*.warc.gz"))))
    for page in pages:
        add_labels(page)
    if options.command == "fit":
        _fit(pages, options.gold, options.out)
    else:
        (options.out / EVALUATION).write_text(_evaluate(pages))


def _fit(pages: Sequence[Page], gold: Path, out: Path) -> None:
    packed = to_bytes(fit_model(pages))
    (out / MODEL).write_bytes(packed)
    card = {
        "model_sha256": hashlib.sha256(packed).hexdigest(),
        "gold_sha256": hashlib.sha256(gold.read_bytes()).hexdigest(),
        "gold_pages": Counter(page.source for page in pages if page.is_gold and page.can_teach),
        "pages_without_gold": Counter(
            page.source for page in pages if not page.is_gold and page.can_teach
        ),
        "trees": TREES,
        "kept_trees": KEPT_TREES,
        "parameters": PARAMETERS,
        "regularisation": REGULARISATION,
        "lightgbm": lightgbm.__version__,
    }
    (out / CARD).write_text(json.dumps(card, indent=2) + "\n")
    sys.stdout.write(f"MODEL_SHA256 = {card['model_sha256']}\n")


def _evaluate(pages: Sequence[Page]) -> str:
    engines = {"blocks": cross_validate(pages)}
    engines |= {name: _texts_by(name, pages) for name in PEERS}
    sources = dict.fromkeys(page.source for page in pages if page.is_gold)
    return render_report(
        pages,
        engines=engines,
        sources_left_out={source: leave_source_out(pages, source) for source in sources},
        curve=learning_curve(pages, CURVE_SHARES),
        num_folds=NUM_FOLDS,
    )


def _texts_by(engine: str, pages: Sequence[Page]) -> Texts:
    main_text = load_engine(engine)
    return {page.id: clean_text(main_text(page.html) or "") for page in pages}


if __name__ == "__main__":
    main(sys.argv[1:])
