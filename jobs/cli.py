"""The command `winnow`: a thin skin over the library.

Every way to run a stage (make, winnow run, spark-submit jobs/STAGE.py) ends in `run` here. An
error of ours is printed as `Type: message`, with status 1; any other is a bug and shows its trace.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from corpus.errors import CorpusError, InputError
from corpus.stages import STAGE_NAMES, STAGES
from corpus.storage import Store
from jobs.options import (
    RUN_RECORD,
    LazyGroup,
    json_option,
    read_settings,
    recipe_options,
    remembered,
    root_option,
    set_option,
)

_GROUPS = {
    "ablate": "jobs.ablate_cli",
    "contamination": "jobs.contamination_cli",
    "crawl": "jobs.crawl_cli",
    "dedup": "jobs.dedup_cli",
    "eval": "jobs.eval_cli",
    "finetune": "jobs.finetune_cli",
    "generate": "jobs.generate_cli",
    "model": "jobs.model_cli",
    "plan": "jobs.plan_cli",
    "quality": "jobs.quality_cli",
    "scale": "jobs.scale_cli",
    "shards": "jobs.shards_cli",
    "train": "jobs.train_cli",
    "vocabulary": "jobs.vocabulary_cli",
}


class _Winnow(LazyGroup):
    """Prints our own errors as one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CorpusError as error:
            raise click.ClickException(f"{type(error).__name__}: {error}") from error


@click.group(
    cls=_Winnow, modules=_GROUPS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="winnow")
def cli() -> None:
    """From raw web to training shards, and a GPT to prove them."""


@cli.command()
@click.argument("stages", nargs=-1, required=True, metavar="STAGE...|all")
@recipe_options
@click.option("--master", help="Spark master; local[*] where not given.")
@click.option("--conf", multiple=True, metavar="KEY=VALUE", help="A Spark setting.")
@click.option("--force", is_flag=True, help="Run even what is up to date, from the start.")
@click.option("--plant", type=click.IntRange(0), metavar="N",
              help="Plant N copies in dedup and N items in contamination; say what is found.")
def run(
    stages: tuple[str, ...],
    recipe: str | None,
    root: str,
    overrides: tuple[str, ...],
    master: str | None,
    conf: tuple[str, ...],
    force: bool,
    plant: int | None,
) -> None:
    """Run stages, or all of them, with one Spark session.

    \b
    Example: winnow run all --recipe real_pages --set data=DATA --root build/real
             winnow run dedup report --root build/real --set dedup.threshold=0.7
    """
    from jobs.runner import run_stages
    from jobs.session import Session

    if plant is not None:
        overrides = (*overrides, f"dedup.plant={plant}", f"contamination.plant={plant}")
    name, laid_over = remembered(root, recipe, overrides)
    settings = read_settings(name, laid_over)
    names = STAGE_NAMES if "all" in stages else stages
    session = Session(master=master, conf=dict(setting.split("=", 1) for setting in conf))
    try:
        store = Store(root)
        store.check_writable()
        record = {"recipe": name, "overrides": list(laid_over)}
        store.write(json.dumps(record).encode(), *RUN_RECORD)
        run_stages(settings, root, names, session=session, force=force)
    finally:
        session.stop()


@cli.command()
@click.option("--markdown", is_flag=True, help="As the README has it.")
def stages(markdown: bool) -> None:
    """List the pipeline's stages."""
    if markdown:
        click.echo(stage_table())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("stage", "purpose", "reads", "writes")
    for stage in STAGES:
        inputs = "links ... model" if stage.name == "report" else ", ".join(stage.inputs)
        table.add_row(stage.name, stage.purpose, inputs, ", ".join(stage.outputs))
    Console().print(table)


def stage_table() -> str:
    """The README's table of stages."""
    lines = ["| Stage | What it does | Writes |", "| --- | --- | --- |"]
    for stage in STAGES:
        outputs = ", ".join(f"`{output}`" for output in stage.outputs)
        lines.append(f"| `{stage.name}` | {stage.purpose} | {outputs} |")
    return "\n".join(lines)


@cli.command()
@click.argument("dataset", required=False)
def columns(dataset: str | None) -> None:
    """Show the columns of every table, or of one."""
    from corpus.schemas import TABLES

    for table in TABLES:
        if dataset not in (None, table.name):
            continue
        click.echo(f"{table.name}: {table.purpose}")
        for column in table.columns:
            click.echo(f"    {column.name:<20} {column.type!s:<24} {column.meaning}")


@cli.command()
@recipe_options
@json_option
def status(recipe: str | None, root: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show what is done, running, cut off, stale or missing, with counts."""
    from jobs.runner import stage_state

    settings = read_settings(*remembered(root, recipe, overrides))
    store = Store(root)
    states = [stage_state(stage, settings, store) for stage in STAGES]
    if as_json:
        rows = [{"stage": s.stage.name, "state": s.state, **s.record} for s in states]
        click.echo(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("stage", "state", "taken", "kept", "dropped", "seconds")
    for state in states:
        rows = state.record.get("ledger", {}).get("rows", {})
        dropped = sum(rows.get("dropped", {}).values()) if rows else ""
        note = f"{state.state} ({state.parts_done} parts)" if state.parts_done else state.state
        cells = [rows.get("taken"), rows.get("kept"), dropped, state.record.get("seconds")]
        shown = ["" if cell is None or cell == "" else f"{cell:,}" for cell in cells]
        table.add_row(state.stage.name, note, *shown)
    Console().print(table)


@cli.command()
@click.argument("document", metavar="DOC_ID|URL")
@root_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Print every column of every stage.")
@click.option("--text", is_flag=True, help="Print the text too, with what was cut marked.")
def why(document: str, root: str, as_json: bool, everything: bool, text: bool) -> None:
    """Tell a document's life: from its WARC record to its shard, or where it was dropped and why.

    \b
    Example: winnow why https://example.com/page --root build/real
    """
    from jobs.why import lives, print_life

    found = lives(Store(root), document)
    if not found:
        raise InputError(
            f"{document}: no document, capture or link of {root} has this id or address; expected "
            "32 hexadecimal digits or a URL: `winnow status` shows what has been built"
        )
    if as_json:
        click.echo(json.dumps([life.to_json() for life in found], indent=1))
        return
    for life in found:
        print_life(life, everything=everything, with_text=text)


@cli.command()
@click.argument("archive", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--engine", help="The engine to use; extract.engine's default where not given.")
@click.option("--max-seconds", type=float, help="Processor seconds for one page.")
@click.option("--lines", default=5, show_default=True, help="Lines of text to print.")
def replay(archive: Path, engine: str | None, max_seconds: float | None, lines: int) -> None:
    """Extract every record of a WARC file, and show what happens to it: a page in quarantine, say.

    \b
    Example: winnow replay build/real/quarantine/part-00003-too_slow-4be0....warc.gz --engine blocks
    """
    from jobs.replay import print_replay, replay_settings

    print_replay(archive, replay_settings(engine=engine, max_seconds=max_seconds), lines=lines)


@cli.command()
@click.argument("name", required=False)
@set_option
def recipe(name: str | None, overrides: tuple[str, ...]) -> None:
    """Print a recipe with every setting, or list the recipes that come along.

    \b
    Example: winnow recipe gpt3 | less
    """
    import msgspec

    if name is None:
        from corpus.config import recipe_names

        for known in recipe_names():
            settings = read_settings(known, overrides)
            click.echo(f"{known:<12} {settings.description}")
        return
    values = msgspec.to_builtins(read_settings(name, overrides))
    click.echo(msgspec.toml.encode(_without_none(values)).decode(), nl=False)


@cli.command()
@root_option
def verify(root: str) -> None:
    """Read every published file and compare its bytes with its manifest."""
    from corpus.datasets import MANIFEST, open_dataset
    from corpus.schemas import TABLES

    store = Store(root)
    for table in TABLES:
        if store.exists(table.name, MANIFEST):
            dataset = open_dataset(store, table.name)
            dataset.verify()
            click.echo(f"{table.name}: {len(dataset.files())} files as published")


@cli.command()
@click.argument("target", default="dist/winnow.zip", type=click.Path(path_type=Path))
def package(target: Path) -> None:
    """Write the zip that `spark-submit --py-files` takes."""
    from jobs.package import build_zip

    click.echo(f"{target}: {build_zip(target)} files")


@cli.command()
@click.option("--root", default="build/demo", show_default=True, help="Where the demo goes.")
def demo(root: str) -> None:
    """Build a small web from this machine's documentation and run every stage on it."""
    from jobs.demo.main import run_demo

    raise SystemExit(run_demo(Path(root)))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command, and of every jobs/STAGE.py."""
    cli(args=list(arguments) if arguments is not None else None, prog_name="winnow")


if __name__ == "__main__":
    main()
