"""The bundled GPT: the only folder that imports torch, which this file and settings.py do not.

Read in this order: settings.py (sizes and knobs), model.py, batches.py, training.py, then runs.py,
checkpoints.py, evaluate.py. cache.py, decoding.py and generate.py make text; scoring.py and
choices.py say how likely one is. Call `prepare_torch` before importing any but the first.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from corpus.errors import SetupError


def prepare_torch() -> None:
    """Set what torch reads when it is imported; raises SetupError where it is not installed.

    An OpenMP thread that waits for its siblings spins by default, and takes the core that they wait
    for: on two cores that other programs shared, training was 5 times slower so (517 against 2,632
    tokens/s). PASSIVE lets it sleep. The sums, and so the weights, are the same.
    """
    missing = [name for name in ("torch", "safetensors") if find_spec(name) is None]
    if missing:
        raise SetupError(
            f"train: {' and '.join(missing)} not installed on this machine; the trainer is an "
            "extra: run `pip install 'winnow[train]'`, then the same command again"
        )
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
