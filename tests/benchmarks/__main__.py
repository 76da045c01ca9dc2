"""`make bench`: runs the groups, prints a table, and writes build/bench.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.frame import (
    BUILD,
    GROUPS,
    NANOGPT_VARIABLE,
    Row,
    one_core,
    requirements,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--data", type=Path, required=True, help="folder of real data")
    parser.add_argument("--only", choices=GROUPS)
    parser.add_argument(
        "--nanogpt", metavar="FOLDER", help=f"a checkout of karpathy/nanoGPT; or {NANOGPT_VARIABLE}"
    )
    arguments = parser.parse_args()
    if arguments.nanogpt:
        os.environ[NANOGPT_VARIABLE] = arguments.nanogpt
    if not (arguments.data / "text").is_dir():
        parser.error(f"{arguments.data}: no text/ in it; expected a folder of real data")
    rows: list[Row] = []
    with one_core():
        for group in [arguments.only] if arguments.only else GROUPS:
            rows += import_module(f"tests.benchmarks.{group}").rows(arguments.data)
            write(rows, BUILD / "bench.json")
    show(rows)


def write(rows: list[Row], path: Path) -> None:
    """Write the rows; groups that did not run this time keep their last ones."""
    old = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    ran = {row.group for row in rows}
    merged = [row for row in old if row["group"] not in ran] + [row.to_json() for row in rows]
    merged.sort(key=lambda row: GROUPS.index(row["group"]))
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    value = {"machine": machine, "peers": requirements(), "rows": merged}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def show(rows: list[Row]) -> None:
    table = Table("group", "name", "ours", "peer", "unit", "ratio", "target", "met")
    for row in rows:
        table.add_row(
            row.group, row.name, f"{row.ours:,.1f}", f"{row.peer:,.1f}", row.unit,
            f"{row.ratio:.2f}", f"{row.target:g}", "yes" if row.met else "NO",
        )  # fmt: skip
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
