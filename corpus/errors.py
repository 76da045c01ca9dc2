"""Everything that stops a stage, as one tree.

    CorpusError
    ├── ConfigError          the recipe or the command line is wrong
    ├── InputError           a file that the recipe names is missing, empty or not what it says
    ├── DataError            a table of ours is not what its manifest says
    │   ├── SchemaMismatch   columns differ from corpus/schemas.py
    │   ├── LedgerImbalance  taken is not kept + dropped
    │   ├── NotBuilt         a stage asks for a table that no stage has finished
    │   └── Damaged          bytes or counts differ from the manifest
    ├── SetupError           something on this machine is missing: Java, torch, a module
    ├── StorageError         the disk is full, or the root cannot be written
    ├── Superseded           a task is at work for a run that another has followed
    ├── TrainingDiverged     the loss is no number (corpus/trainer/steps.py)
    └── Stopped              asked to stop, with all that was done kept (corpus/trainer/training.py)

A message says what, where, got, expected, and the next step. A single bad page, record or line is
never one of these: it is counted under a reason, and costs itself alone.
"""

from __future__ import annotations


class CorpusError(Exception):
    """A stage cannot go on; the message says what, where, got, expected, next step."""


class ConfigError(CorpusError):
    """The recipe or an override names something unknown, or a value out of its range."""


class InputError(CorpusError):
    """A file named by the recipe is missing, empty, or of another kind than it says."""


class DataError(CorpusError):
    """A table of ours cannot be trusted."""


class SchemaMismatch(DataError):
    """A table's columns differ from corpus/schemas.py."""


class LedgerImbalance(DataError):
    """Rows were lost or gained: taken is not kept + dropped."""


class NotBuilt(DataError):
    """A table is asked for that no stage has finished."""


class Damaged(DataError):
    """A published file differs from its manifest."""


class SetupError(CorpusError):
    """This machine lacks something that the stage needs."""


class StorageError(CorpusError):
    """The disk is full, or the root cannot be written."""


class Superseded(CorpusError):
    """A task of a run that another run of the stage has followed publishes nothing more."""


class TrainingDiverged(CorpusError):
    """The loss or the gradient is no finite number."""


class Stopped(CorpusError):
    """Asked to stop by a signal; what was done is kept, and the same command goes on."""
