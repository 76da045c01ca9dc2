"""The train stage: a model is published whole from the tokenizer and the shards, without Spark."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")

from corpus import shards
from corpus.errors import NotBuilt
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.tokenizer.files import TOKENIZER_FILE, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.training import learn
from corpus.trainer.settings import TrainSettings
from jobs import train
from jobs.parts import Job

TEXT = "one dog saw two cats and two cats saw one dog run. " * 40
SETTINGS = TrainSettings(
    model="micro", num_layers=1, width=16, context=16, num_steps=4, sequences_per_step=2,
    sequences_per_pass=2, checkpoint_every=2, num_threads=1, sample_tokens=5,
)  # fmt: skip


def job_in(root: Path, settings: TrainSettings = SETTINGS) -> Job:
    return Job(
        stage=stage_named("train"),
        recipe=SimpleNamespace(train=settings, seed=3),
        store=Store(str(root)),
        session=None,
        ledger=Ledger(),
    )


def train_in(root: Path, settings: TrainSettings = SETTINGS) -> Path:
    """Make a root with a small trained model."""
    job = job_in(root, settings)
    build_inputs(job)
    train.run(job)
    return root


@pytest.fixture
def job(tmp_path) -> Job:
    return job_in(tmp_path)


def build_inputs(job: Job) -> None:
    vocabulary = learn(*count_pretokens(pa.array([TEXT])), vocab_size=280)
    with job.folder("tokenizer") as tokenizer:
        save(vocabulary, tokenizer, {})
        token_format = shards.TokenFormat(
            vocab_size=vocabulary.size,
            eot_id=vocabulary.eot_id,
            tokenizer_sha256=shards.file_sha256(tokenizer / TOKENIZER_FILE),
        )
    ids = np.array([vocabulary.eot_id, *vocabulary.encode([TEXT])[0]], token_format.dtype)
    with job.folder("shards") as folder:
        infos = []
        for split in shards.SPLITS:
            path = folder / f"{shards.shard_name(split, 0)}.bin"
            path.write_bytes(token_format.header(len(ids)) + ids.tobytes())
            infos.append(
                shards.ShardInfo(
                    name=path.stem, split=split, number=0, num_tokens=len(ids), num_documents=1,
                    num_texts=1, sha256=shards.file_sha256(path), index_sha256="",
                )
            )  # fmt: skip
        manifest = shards.make_manifest(token_format, infos, seed=3)
        shards.write_manifest(folder / shards.MANIFEST, manifest)


def test_a_model_is_published_with_its_logs_and_its_sample(job, capsys):
    build_inputs(job)
    train.run(job)
    model = job.input("model")
    model.verify()
    assert sorted(model.files()) == [
        *(
            f"checkpoints/step-0000000{step}/{name}"
            for step in (2, 4)
            for name in ("model.safetensors", "optimizer.safetensors", "state.json")
        ),
        "config.json", "sample.txt", "timing.jsonl", "train.jsonl",
    ]  # fmt: skip
    assert "4 steps, validation loss" in capsys.readouterr().err


def test_without_shards_nothing_is_begun(job, tmp_path):
    with pytest.raises(NotBuilt, match="winnow run vocabulary"):
        train.run(job)
    assert not (tmp_path / "_stages").exists()
