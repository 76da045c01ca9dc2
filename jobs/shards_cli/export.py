"""`winnow shards export`: the shards in another trainer's layout, or as text."""

from __future__ import annotations

from pathlib import Path

import click

from corpus.shard_exports import EXPORTS, Exported, new_folder
from corpus.tokenizer.files import TOKENIZER_FILE
from jobs.options import root_option
from jobs.shards_cli.places import open_shards


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "layout",
    type=click.Choice(list(EXPORTS)),
    required=True,
    help="What the files are for.",
)
@root_option
def export(folder: Path, layout: str, root: str) -> None:
    """Write all shards into a new folder, in another layout; nothing is tokenized again.

    nanogpt: train.bin and val.bin. megatron: a .bin and an .idx a split; give --data-path
    FOLDER/train. datatrove: a .ds a shard. mds: for mosaicml-streaming, a sample a document, with
    id and source. litdata: for its TokensLoader, which leaves out the tokens of a chunk that fill
    no block: half a block of 2**25 tokens on average. These have tokenizer.json beside them.
    jsonl.zst and parquet: a row a text, with id, source and address; parquet has its ids too.

    \b
    Example: winnow shards export nanogpt/ --to nanogpt --root build/real
             winnow shards export text/ --to jsonl.zst --root build/real
    """
    shards = open_shards(root)
    source = Exported(
        folder=shards.store.local("shards"),
        manifest=shards.manifest,
        vocabulary=shards.vocabulary,
        tokenizer=shards.store.local("tokenizer", TOKENIZER_FILE),
        rows=shards.rows,
    )
    with new_folder(folder) as built:
        EXPORTS[layout](source, built)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    num_bytes = sum(path.stat().st_size for path in files)
    click.echo(f"{folder}: {layout}, {len(files)} files, {num_bytes:,} bytes")
