"""Tasks that are uneven, killed in the middle, or at work twice never leave a shard by halves.

On real Spark: a worker is killed (SIGKILL) while it writes a shard or moves its files into place,
and two runs write every shard at the same moment. Afterwards each byte is that of a run that
nothing disturbed, and before it `winnow shards verify` says that something is wrong.
"""

from __future__ import annotations

import inspect
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpus import shards
from corpus.datasets import MANIFEST, open_dataset, part_name
from corpus.publishing import PartOutput, write_attempt
from corpus.stages import STAGES, stage_named
from corpus.storage import SCRATCH, Store
from corpus.tokenizer.settings import TokenizeSettings
from filters.mixture import MixSettings
from jobs import tokenize_text
from jobs.runner import run_stage
from tests.jobs.shards_root import winnow_shards
from tests.judged import Doc, job_at, judged_root

pytestmark = pytest.mark.spark

WORDS = inspect.getsource(random).split()
# From a word to more than half of all text.
LENGTHS = [1, 2, 3, 5, 8, 3000, 1, 40, 40, 40, 40, 700, 1, 1, 90]
DOCS = [
    Doc(" ".join(WORDS[7 * i : 7 * i + length]), name=f"document {i}",
        split="validation" if i % 5 == 4 else "train")
    for i, length in enumerate(LENGTHS)
]  # fmt: skip
SECTIONS: dict[str, Any] = {
    "mix": MixSettings(weights={"web": 1}, min_validation_tokens=0), "sources": {"web": None},
}  # fmt: skip
SETTINGS = TokenizeSettings(tokens_per_shard=700)
OUTPUTS = ("shards", "provenance")


def tokenize(root: Path, session: Any, settings: TokenizeSettings = SETTINGS) -> bool:
    """Run the stage as `winnow run tokenize` does."""
    store = Store(str(root))
    recipe: Any = job_at(store, "tokenize", session, tokenize=settings, **SECTIONS).recipe
    return run_stage(stage_named("tokenize"), recipe, store, session, files=())


def files(root: Path) -> dict[str, bytes]:
    """Every file of the stage's folders, and of what tasks left behind."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for folder in (*OUTPUTS, SCRATCH)
        for path in (root / folder).rglob("*") if path.is_file()
    }  # fmt: skip


def check_sound(root: Path) -> None:
    winnow_shards("verify", root=root)
    shards.verify(root / "shards")
    for name in OUTPUTS:
        dataset = open_dataset(Store(str(root)), name)
        dataset.verify()
        listed = {file.name for part in dataset.parts for file in part.files}
        assert {path.name for path in (root / name).iterdir()} == {*listed, MANIFEST}


@pytest.fixture(scope="module")
def upstream(session, tmp_path_factory) -> Path:
    """A root in which all stages before tokenize have run."""
    root = tmp_path_factory.mktemp("upstream") / "root"
    store = judged_root(str(root), DOCS, num_parts=4)
    names = [stage.name for stage in STAGES]
    for stage in STAGES[names.index("contamination") + 1 : names.index("tokenize")]:
        import_module(stage.module).run(job_at(store, stage.name, session, **SECTIONS))
    return root


@pytest.fixture(scope="module")
def undisturbed(session, upstream, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("undisturbed") / "root"
    shutil.copytree(upstream, root)
    assert tokenize(root, session)
    check_sound(root)
    return root


@pytest.fixture
def root(upstream, tmp_path) -> Path:
    shutil.copytree(upstream, tmp_path / "root")
    return tmp_path / "root"


def test_the_shards_are_uneven(undisturbed):
    """Some have nothing, some one document, and one more than all others together."""
    listed = shards.read_manifest(undisturbed / "shards").shards
    sizes = [shard.num_tokens for shard in listed if shard.split == "train"]
    assert min(sizes) == 1
    assert min(shard.num_documents for shard in listed) == 0
    assert max(sizes) > sum(sizes) / 2


# A task in a Spark worker: `die` says when it is killed.
Batches = list[pa.RecordBatch]
Die = Callable[[PartOutput, Batches], Batches]
REAL = tokenize_text._write_shard


def kill_once(marker: Path) -> None:
    """Kill this process, where none was killed yet."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Batches):
    """Batches that kill when ids are asked of them a second time."""

    marker: Path
    num_asked = 0

    def __getitem__(self, number: Any) -> Any:
        self.num_asked += 1
        if self.num_asked == 2:
            kill_once(self.marker)
        return super().__getitem__(number)


def in_the_middle(marker: Path, out: PartOutput, batches: Batches) -> Batches:
    """Killed when some of the ids are in the file, and the header is not."""
    found = Deadly(batches)
    found.marker = marker
    return found


class Killing(Store):
    """A store that is killed after so many files were moved to their places."""

    marker: Path
    num_moves: int

    def publish(self, built: Path, *names: str) -> None:
        if self.num_moves == 0:
            kill_once(self.marker)
        self.num_moves -= 1
        super().publish(built, *names)


def between_files(num_moves: int, marker: Path, out: PartOutput, batches: Batches) -> Batches:
    """Killed when some of the shard's files are in their places."""
    store = Killing(out._store.root)
    store.marker, store.num_moves = marker, num_moves
    out._store = store
    return batches


def dying(die: Die, form: Any, names: Any, out: PartOutput, batches: Batches) -> None:
    REAL(form, names, out, die(out, batches))


KILLS = {
    "in the middle": in_the_middle,
    "before the .idx": partial(between_files, 1),
}


@pytest.mark.parametrize("kill", KILLS)
def test_a_worker_killed_at_a_shard_leaves_none_by_halves(
    session, root, undisturbed, tmp_path, monkeypatch, kill
):
    marker = tmp_path / "killed"
    monkeypatch.setattr(tokenize_text, "_write_shard", partial(dying, partial(KILLS[kill], marker)))
    with pytest.raises(Exception, match="worker"):
        tokenize(root, session)
    assert marker.exists()
    monkeypatch.undo()
    assert "not finished" in winnow_shards("verify", root=root, status=1)
    published = {name for name in files(root) if name.startswith("shards/")}
    assert not any(name.endswith("json") for name in published)
    assert all(files(undisturbed)[name] == data for name, data in files(root).items()
               if not name.startswith(SCRATCH))  # fmt: skip
    assert tokenize(root, session)
    assert files(root) == files(undisturbed)
    check_sound(root)


def test_other_settings_after_a_kill_find_nothing_of_it(session, root, tmp_path, monkeypatch):
    marker, settings = tmp_path / "killed", TokenizeSettings(tokens_per_shard=2000)
    die = partial(between_files, 2, marker)
    monkeypatch.setattr(tokenize_text, "_write_shard", partial(dying, die))
    with pytest.raises(Exception, match="worker"):
        tokenize(root, session)
    monkeypatch.undo()
    calm = tmp_path / "calm"
    shutil.copytree(root, calm)
    for name in (*OUTPUTS, "_stages", SCRATCH):
        shutil.rmtree(calm / name, ignore_errors=True)
    for place in (root, calm):
        tokenize(place, session, settings)
    assert files(root) == files(calm)
    check_sound(root)


def followed(marker: Path, out: PartOutput, batches: Batches) -> Batches:
    """Another run is begun while the first task is at work."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return batches
    write_attempt(out._store, "tokenize", {"fingerprint": "the other's"})
    return batches


def test_tasks_of_a_run_that_another_has_followed_publish_nothing(
    session, root, undisturbed, tmp_path, monkeypatch
):
    follow = partial(followed, tmp_path / "followed")
    monkeypatch.setattr(tokenize_text, "_write_shard", partial(dying, follow))
    with pytest.raises(Exception, match="expected one of the other's; another run"):
        tokenize(root, session)
    monkeypatch.undo()
    assert tokenize(root, session)
    assert files(root) == files(undisturbed)
    check_sound(root)


class Killed(BaseException):
    """As a signal would end the driver."""


def stop(*_: object, **__: object) -> None:
    raise Killed


class Meeting(Store):
    """A store that moves no file of a part before a second task wants to."""

    folder: Path
    number: int

    def publish(self, built: Path, *names: str) -> None:
        (self.folder / f"{self.number}-{os.getpid()}").touch()
        end = time.monotonic() + 120
        while len(list(self.folder.glob(f"{self.number}-*"))) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        super().publish(built, *names)


def met(folder: Path, out: PartOutput, batches: Batches) -> Batches:
    """Go on when a second task of the same part has come as far."""
    store = Meeting(out._store.root)
    store.folder, store.number = folder, out.number
    out._store = store
    return batches


def test_two_tasks_at_work_on_a_shard_write_the_same_bytes(session, root, tmp_path, monkeypatch):
    """As speculation does: both have written all and neither has moved a file when they meet."""
    settings = TokenizeSettings(tokens_per_shard=10**6)  # one of train, and one of validation
    monkeypatch.setattr(tokenize_text, "_publish_description", stop)
    with pytest.raises(Killed):
        tokenize(root, session, settings)
    monkeypatch.undo()
    before, store = files(root), Store(str(root))
    for record in (root / "_stages" / "tokenize").glob("shards-*/00000.json"):
        record.unlink()
    for names in (("shards", "train-00000.bin"), ("shards", "train-00000.idx"),
                  ("provenance", part_name(0))):  # fmt: skip
        store.remove(*names)
    folder = tmp_path / "met"
    folder.mkdir()
    monkeypatch.setattr(tokenize_text, "_write_shard", partial(dying, partial(met, folder)))
    job = job_at(store, "tokenize", session, tokenize=settings, **SECTIONS)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(tokenize_text.run, job) for _ in range(2)]:
            done.result()
    assert len(list(folder.iterdir())) == 2  # in two processes
    after, lists = files(root), f"shards/{MANIFEST}"
    assert set(after) == {*before, "shards/shards.json"}
    assert all(after[name] == data for name, data in before.items() if name != lists)
    check_sound(root)


@pytest.mark.parametrize("step", ["_publish_description", "publish_manifest"])
def test_a_run_killed_before_its_description_is_told_and_mended(
    session, root, undisturbed, monkeypatch, step
):
    """After all shards: before shards.json is written, and before the manifest lists it."""
    monkeypatch.setattr(tokenize_text, step, stop)
    with pytest.raises(Killed):
        tokenize(root, session)
    monkeypatch.undo()
    said = winnow_shards("verify", root=root, status=1)
    assert "shards.json" in said
    assert "tokenize" in said
    assert tokenize(root, session)
    assert files(root) == files(undisturbed)
    check_sound(root)
