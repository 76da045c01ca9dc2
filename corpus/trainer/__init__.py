"""The bundled GPT: the only folder that imports torch; this file and what is settled before do not.

Read in this order:

    shapes.py, settings.py, schedules.py    sizes, knobs, batch and learning rate; without torch
    model.py, head.py, dropout.py           the decoder; its output layer and loss
    batches.py, loading.py                  which tokens a step is trained on, read ahead
    training.py, steps.py, runs.py          the loop, a step of it, what a run is made of
    optimizers.py, noise_scale.py           AdamW and Muon; how large a batch pays
    ranks.py                                one process or many: DDP and FSDP2
    checkpoints.py, resuming.py, saved.py   a checkpoint on disk, whose it is, and what is left
    validation.py, baselines.py             loss on held-out text, and what counting comes to
    evaluation/                             how likely a text is; scores on benchmarks
    generation/                             text from a model
    finetuning/                             GPT-1's tasks
    weights.py                              OpenAI's and Hugging Face's weights, both ways

Call `prepare_torch` before importing any but the first three.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from corpus.errors import SetupError


def prepare_torch() -> None:
    """Set what torch reads when it is imported; raises SetupError where it is not installed.

    An OpenMP thread that waits for its siblings spins by default, and takes the core that they wait
    for: on two cores that other programs shared, training was 5 times slower so (517 against 2,632
    tokens/s). PASSIVE lets it sleep. Large tensors are asked for in pages of 2 MiB where the system
    has them: a step of 16 M parameters met 59,000 pages of 4 KiB anew, 2,300 so, and took 1.04 s of
    processor time instead of 1.26. The sums, and so the weights, are the same. What the environment
    says already stays.
    """
    missing = [name for name in ("torch", "safetensors") if find_spec(name) is None]
    if missing:
        raise SetupError(
            f"train: {' and '.join(missing)} not installed on this machine; the trainer is an "
            "extra: run `pip install 'winnow[train]'`, then the same command again"
        )
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
