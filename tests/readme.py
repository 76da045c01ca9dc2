"""Writes the generated tables of README.md: `make readme`."""

from __future__ import annotations

import re
from pathlib import Path

from corpus.config import recipe_names
from corpus.schemas import TABLES
from jobs.cli import stage_table
from jobs.recipe import read_recipe

README = Path(__file__).parent.parent / "README.md"


def recipe_table() -> str:
    lines = ["| Recipe | What it is |", "| --- | --- |"]
    lines += [f"| `{name}` | {read_recipe(name).description} |" for name in recipe_names()]
    return "\n".join(lines)


def dataset_table() -> str:
    lines = ["| Dataset | What it holds | Columns |", "| --- | --- | --- |"]
    for table in TABLES:
        columns = ", ".join(column.name for column in table.columns) or "files"
        lines.append(f"| `{table.name}` | {table.purpose} | {columns} |")
    return "\n".join(lines)


def with_tables(text: str) -> str:
    """The text with each table between its marks made anew."""
    tables = {"stages": stage_table(), "recipes": recipe_table(), "datasets": dataset_table()}
    for name, table in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text, num = re.subn(pattern, lambda m, t=table: f"{m[1]}{t}\n{m[2]}", text, flags=re.DOTALL)
        assert num == 1, f"README.md has {num} places for the table {name}"
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
