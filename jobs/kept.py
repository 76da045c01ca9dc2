"""What is left of the documents when all judges have spoken: vocabulary, mix and tokenize read it.

The text as extract wrote it, the pieces that contamination leaves of it, and the edits of screen
and dedup in them; filters/pieces.py makes texts of the three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from corpus.datasets import Dataset, columns_of, in_turns, survivors
from filters.edits import merged
from filters.pieces import Kept, kept

if TYPE_CHECKING:
    from jobs.parts import Job


class Judged(NamedTuple):
    """The tables that say what is left."""

    documents: Dataset
    screen: Dataset
    dedup: Dataset
    contamination: Dataset

    def turns(
        self,
        part: int,
        *,
        after: Dataset,
        columns: Sequence[str] = (),
        of_dedup: Sequence[str] = (),
        of_screen: Sequence[str] = (),
    ) -> Iterator[tuple[pa.Table, Kept]]:
        """Rows of what `after` keeps of a part, in turns of bounded text, and their texts.

        Rows have doc_id, num_characters and the asked columns of the three tables.
        """
        rows = survivors(self.documents, after, part, (*columns, "text"))
        doc_ids = rows["doc_id"]
        cuts = columns_of(self.contamination, part, ("pieces",), doc_ids)
        screened = columns_of(self.screen, part, ("edits", *of_screen), doc_ids)
        grouped = columns_of(self.dedup, part, ("edits", *of_dedup), doc_ids)
        rows = rows.append_column("pieces", cuts["pieces"])
        rows = rows.append_column("edits", merged(screened["edits"], grouped["edits"]))
        for table, names in ((screened, of_screen), (grouped, of_dedup)):
            for name in names:
                rows = rows.append_column(name, table[name])
        for turn in in_turns(rows):
            texts = kept(turn["text"], turn["num_characters"], turn["pieces"], turn["edits"])
            yield turn.drop_columns(["text", "pieces", "edits"]), texts


def judged(job: Job) -> Judged:
    """The tables, of a job that has them for inputs."""
    return Judged(*(job.input(name) for name in Judged._fields))
