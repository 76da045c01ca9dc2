"""Files appear whole or not at all, and a full or forbidden disk is one clear error."""

from __future__ import annotations

import os
import pickle
import threading
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.errors import SetupError, StorageError
from corpus.storage import SCRATCH, Store, storage_errors


def test_what_is_written_is_read_back_from_any_file_system(store):
    store.write(b"bytes", "folder", "file")
    assert store.read("folder", "file") == b"bytes"
    assert store.size("folder", "file") == 5
    assert store.names("folder") == ["file"]


def test_a_folder_that_is_not_there_has_no_names(store):
    assert store.names("nowhere") == []
    assert not store.exists("nowhere")


def test_removing_a_folder_removes_what_it_holds(store):
    store.write(b"", "folder", "inner", "file")
    store.remove("folder")
    assert not store.exists("folder", "inner", "file")
    store.remove("folder")


def test_a_folder_is_removed_from_under_a_writer(tmp_path):
    """As tasks of an earlier run do until Spark ends them: some write, some tidy up."""
    store, folder = Store(str(tmp_path)), tmp_path / SCRATCH
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with suppress(OSError), store.scratch() as place:
                for name in map(str, range(20)):
                    (place / name).touch()

    writers = [threading.Thread(target=work) for _ in range(2)]
    for writer in writers:
        writer.start()
    threading.Timer(0.5, stop.set).start()
    for _ in range(20):
        store.remove(SCRATCH)
    for writer in writers:
        writer.join()
    store.remove(SCRATCH)
    assert not folder.exists()


def test_a_writer_that_fails_leaves_no_file(tmp_path):
    store = Store(str(tmp_path))
    with pytest.raises(FileNotFoundError), store.scratch() as scratch:
        (scratch / "half").write_bytes((scratch / "nothing").read_bytes())
    assert store.names(SCRATCH) == []


def test_a_store_travels_to_a_task(tmp_path):
    store = pickle.loads(pickle.dumps(Store(str(tmp_path))))
    assert store.path("a", "b") == f"{tmp_path}/a/b"


def test_a_full_disk_is_a_storage_error():
    with pytest.raises(StorageError, match="the disk is full"), storage_errors("/dev/full"):
        Path("/dev/full").write_bytes(b"x" * 100_000)


def test_another_error_stays_itself():
    with pytest.raises(FileNotFoundError), storage_errors("here"):
        Path("/nonexistent/file").read_bytes()


def test_a_root_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="choose another --root"):
        Store(str(tmp_path / "file" / "root")).check_writable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_forbidden_root_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="choose another --root"):
        Store(str(tmp_path / "root")).check_writable()


def test_a_remote_root_has_no_local_path():
    with pytest.raises(StorageError, match="needs a local or mounted root"):
        Store("memory://bucket").local("shards")


def test_a_file_system_that_is_not_installed_says_what_to_install():
    with pytest.raises(SetupError, match=r"nowhere://x: no way to reach nowhere://.*winnow\[s3\]"):
        Store("nowhere://x")


def test_arrow_reads_local_files_by_itself_and_others_through_fsspec(store):
    store.write(b"abc", "table", "part")
    with store.open_for_arrow("table", "part") as file:
        assert isinstance(file, pa.NativeFile) == store.is_local
        assert file.read() == b"abc"
    with pytest.raises(FileNotFoundError):
        store.open_for_arrow("table", "gone")
