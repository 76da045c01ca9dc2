"""The logs of a run: lines of JSON, and the same for TensorBoard where it is wanted.

Only the first rank writes. A run that is taken up again cuts its logs back to its checkpoint, as
the steps after it are done again.
"""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from corpus.errors import SetupError

LOG_FILE, TIMING_FILE = "train.jsonl", "timing.jsonl"
BOARD_FOLDER = "tensorboard"


class Logbook:
    """Of one run, in its folder."""

    def __init__(self, folder: Path, *, writes: bool, tensorboard: bool) -> None:
        """Write into the folder, or nothing; raises SetupError where TensorBoard is missing."""
        self._folder, self._writes = folder, writes
        self._board: Any = None
        if tensorboard and find_spec("tensorboardX") is None:
            raise SetupError(
                "train.tensorboard is on, but tensorboardX is not installed: run `pip install "
                "'winnow[tensorboard]'`, or leave it off; train.jsonl has the same figures"
            )
        self._wants_board = tensorboard and writes

    def write(self, name: str, row: dict[str, Any]) -> None:
        """Append a line to LOG_FILE or TIMING_FILE."""
        if not self._writes:
            return
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._board is not None:
            for key, value in row.items():
                if key != "step" and value is not None:
                    self._board.add_scalar(key, value, row["step"])

    def sync(self) -> None:
        """Bring the lines to the disk, before a checkpoint that follows them."""
        if not self._writes:
            return
        for name in (LOG_FILE, TIMING_FILE):
            with (self._folder / name).open("ab") as file:
                os.fsync(file.fileno())
        if self._board is not None:
            self._board.flush()

    def cut(self, last_step: int) -> list[dict[str, Any]]:
        """Keep the lines up to a step, from which the run goes on; return those of TIMING_FILE."""
        if not self._writes:
            return []
        _cut(self._folder / LOG_FILE, last_step)
        timed = _cut(self._folder / TIMING_FILE, last_step)
        if self._wants_board:
            from tensorboardX import SummaryWriter

            board = str(self._folder / BOARD_FOLDER)
            self._board = SummaryWriter(board, purge_step=last_step + 1 if last_step > 0 else None)
        return timed

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._board is not None:
            self._board.close()


def _cut(path: Path, last_step: int) -> list[dict[str, Any]]:
    """Keep the lines up to a step and return them; a half-written last line goes."""
    kept: list[dict[str, Any]] = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            break
        if row["step"] > last_step:
            break
        kept.append(row)
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    temporary.replace(path)
    return kept
