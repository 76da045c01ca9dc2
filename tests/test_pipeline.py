"""The whole pipeline on a small world: kills, cores, damage, and every way to start a stage.

The world is built and run once; each test starts from a copy of that root, so that it pays only for
the stages that it is about.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.datasets import open_dataset
from corpus.stages import STAGE_NAMES, STAGES, stage_named
from corpus.storage import Store
from tests.world import (
    MIRROR_HOST,
    NUM_ARCHIVES,
    NUM_ITEMS,
    NUM_LINKED,
    NUM_MIRRORED,
    NUM_TEXTS,
    ROOT,
    build_world,
    digests,
    kill_tree,
    run_winnow,
    wait_for_parts,
    winnow,
)

pytest.importorskip("torch")
pytestmark = [pytest.mark.spark, pytest.mark.slow]

TIMES = ("model",)  # holds timings beside its weights


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """The recipe of a small world."""
    return build_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def finished(world: Path, tmp_path_factory) -> Path:
    """A root in which every stage has run, on two cores."""
    root = tmp_path_factory.mktemp("finished") / "root"
    run_winnow(
        "run", "all", "--recipe", str(world), "--root", str(root), "--master", "local[2]"
    )
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished root."""
    return Path(shutil.copytree(finished, tmp_path / "root", symlinks=True))


def forget(root: Path, stage: str) -> None:
    """Make a root look as before a stage ran."""
    (root / "_stages" / f"{stage}.json").unlink()
    for dataset in stage_named(stage).outputs:
        shutil.rmtree(root / dataset)


def ledger(root: Path, stage: str) -> dict:
    return json.loads((root / "_stages" / f"{stage}.json").read_text())["ledger"]["rows"]


def why(root: Path, document: str) -> list[dict]:
    lives = json.loads(run_winnow("why", document, "--root", str(root), "--json"))
    return lives[0]["events"]


def documents(root: Path, columns: list[str]) -> list[dict]:
    return open_dataset(Store(str(root)), "documents").read_all(columns).to_pylist()


def test_every_stage_balances_and_hands_on_what_it_kept(finished):
    store = Store(str(finished))
    captures = open_dataset(store, "captures")
    extract = ledger(finished, "extract")
    assert extract["taken"] == captures.num_rows + NUM_TEXTS
    kept = extract["kept"]
    for stage in ("screen", "quality", "dedup", "contamination", "mix"):
        rows = ledger(finished, stage)
        assert rows["taken"] == kept
        assert rows["taken"] == rows["kept"] + sum(rows["dropped"].values())
        kept = rows["kept"]


def test_exactly_the_links_with_enough_karma_are_found(finished):
    assert ledger(finished, "links") == {
        "taken": NUM_LINKED + 11, "kept": NUM_LINKED,
        "dropped": {"low_karma": 10, "malformed_line": 1},
    }
    webtext = [row for row in documents(finished, ["source"]) if row["source"] == "webtext"]
    assert len(webtext) == NUM_LINKED


def test_the_cut_record_is_a_row_with_a_reason(finished):
    dropped = [row for row in documents(finished, ["keep", "reason"]) if not row["keep"]]
    assert [row["reason"] for row in dropped] == ["truncated_record"]


def judged(root: Path, table: str) -> dict[str, dict]:
    """A verdict table's rows by the path and host of their documents' addresses."""
    store = Store(str(root))
    urls = {row["doc_id"]: row["url"] for row in documents(root, ["doc_id", "url"])}
    rows = open_dataset(store, table).read_all().to_pylist()
    return {urls[row["doc_id"]]: row for row in rows if urls[row["doc_id"]]}


def test_of_every_mirrored_page_one_copy_stays(finished):
    rows = judged(finished, "dedup")
    mirrors = [url for url in rows if MIRROR_HOST in url]
    assert len(mirrors) >= NUM_MIRRORED // 2  # the screen may drop some
    for mirror in mirrors:
        path = mirror.split("/", 3)[3]
        twins = [row for url, row in rows.items() if url.split("/", 3)[3] == path]
        assert sorted(row["keep"] for row in twins) == [False, True]
        assert len({row["kept_doc_id"] for row in twins}) == 1


def test_every_question_inside_a_surviving_page_is_found_and_cut(finished, world):
    rows = judged(finished, "contamination")
    hosts = json.loads((world.parent / "host_pages.json").read_text())
    surviving = {str(number): rows[url] for number, url in enumerate(hosts) if url in rows}
    assert len(surviving) >= NUM_ITEMS // 2
    assert all(row["num_matches"] == 1 for row in surviving.values())
    items = open_dataset(Store(str(finished)), "benchmark_items").read_all().to_pylist()
    dirty = {row["item_id"] for row in items if "question" in row["fields"]}
    assert dirty == set(surviving)


def test_the_run_ends_with_a_model_that_learned_and_a_report(finished):
    lines = [json.loads(line) for line in (finished / "model" / "train.jsonl").open()]
    losses = [line["validation_loss"] for line in lines if line.get("validation_loss")]
    assert losses[-1] < losses[0]
    page = (finished / "report" / "index.html").read_text()
    assert "<html" in page
    assert "world" in page


def test_a_finished_root_is_skipped_and_says_so(finished, world):
    output = run_winnow("run", "all", "--recipe", str(world), "--root", str(finished))
    assert output.count("up to date, skipped") == len(STAGES)


def test_a_changed_threshold_reruns_its_stage_alone(root, world):
    output = run_winnow(
        "run", "screen", "quality", "dedup", "--recipe", str(world), "--root", str(root),
        "--set", "dedup.threshold=0.85",
    )
    assert output.count("up to date, skipped") == 2
    assert "dedup: Near-duplicates" in output


def test_one_core_gives_the_same_bytes_as_two(finished, world, tmp_path):
    root = tmp_path / "root"
    run_winnow(
        "run", *STAGE_NAMES[:-2], "--recipe", str(world), "--root", str(root),
        "--master", "local[1]",
    )
    found = digests(root)
    assert {name: digest for name, digest in digests(finished).items() if name in found} == found
    assert len(found) > 15


def test_a_cluster_s_executors_give_the_same_bytes(root, finished, world):
    # Two executors, processes of their own with a core each, as --master takes it to a cluster.
    forget(root, "extract")
    forget(root, "dedup")
    run_winnow(
        "run", "extract", "screen", "quality", "dedup", "--recipe", str(world), "--root",
        str(root), "--master", "local-cluster[2,1,1024]",
    )
    assert digests(root) == digests(finished)


# After so many finished parts. Dedup has steps with a part for each archive and text file: it is
# killed in three of them, one after the other.
KILLS = {"extract": (1,), "dedup": (2, 12, 22), "tokenize": (2,)}


@pytest.mark.parametrize("stage", KILLS)
def test_a_killed_stage_resumes_to_the_same_bytes(root, finished, world, stage):
    forget(root, stage)
    arguments = ("run", stage, "--recipe", str(world), "--root", str(root))
    for parts in KILLS[stage]:
        process = winnow(*arguments, "--master", "local[1]")
        wait_for_parts(root, stage, parts + 1)  # the attempt's own record, and so many parts
        kill_tree(process)
        assert not (root / "_stages" / f"{stage}.json").exists()
    output = run_winnow(*arguments)
    assert "its finished parts are kept" in output
    assert digests(root) == digests(finished)


def test_why_answers_for_a_kept_a_dropped_and_a_duplicate_page(finished):
    store = Store(str(finished))
    dedup = open_dataset(store, "dedup").read_all().to_pylist()
    for reason in ("exact_duplicate", "near_duplicate"):
        duplicate = next(row for row in dedup if row["reason"] == reason)
        events = why(finished, duplicate["doc_id"].hex())
        assert events[-1]["stage"] == "dedup"
        assert duplicate["kept_doc_id"].hex() in events[-1]["said"]
    provenance = open_dataset(store, "provenance").read_all().to_pylist()
    events = why(finished, provenance[0]["doc_id"].hex())
    assert events[-1]["stage"] == "tokenize"
    assert [event["alive"] for event in events] == [True] * len(events)
    screened = open_dataset(store, "screen").read_all().to_pylist()
    dropped = [row for row in screened if not row["keep"]]
    for row in dropped[:1]:
        assert row["reason"] in why(finished, row["doc_id"].hex())[-1]["said"]


def test_why_of_an_address_tells_its_karma(finished):
    row = next(r for r in documents(finished, ["source", "url"]) if r["source"] == "webtext")
    events = why(finished, row["url"].replace("http://", "https://") + "?utm_source=x#top")
    assert [event["stage"] for event in events[:3]] == ["links", "fetch", "extract"]
    assert events[1]["said"] == "captured"


def test_why_of_a_stranger_says_what_it_expected(finished):
    process = winnow("why", "http://nowhere.example/", "--root", str(finished))
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "expected 32 hexadecimal digits or a URL" in output


def refuse(*arguments: str) -> str:
    """Run the command; returns its one error line, fails where it did not fail or shows a trace."""
    process = winnow(*arguments)
    output, _ = process.communicate()
    assert process.returncode == 1, output
    assert "Traceback" not in output
    return next(line for line in output.splitlines() if line.startswith("Error: "))


def stop(world: Path, tmp_path: Path, stage: str, *overrides: str) -> str:
    sets = [part for override in overrides for part in ("--set", override)]
    root = str(tmp_path / "stopped")
    return refuse("run", stage, "--recipe", str(world), "--root", root, *sets)


def test_an_unknown_key_stops_before_anything_runs(world, tmp_path):
    message = stop(world, tmp_path, "all", "dedup.treshold=0.5")
    assert "unknown field `treshold` - at `$.dedup`; did you mean threshold?" in message


def test_a_missing_benchmark_stops_before_anything_runs(world, tmp_path):
    message = stop(
        world, tmp_path, "all", 'contamination.benchmarks.quiz.files=["/nonexistent/quiz.jsonl"]'
    )
    assert "InputError" in message
    assert "/nonexistent/quiz.jsonl" in message
    assert not (tmp_path / "stopped" / "posts").exists()


def test_a_text_file_named_as_an_archive_stops_the_stage(world, tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "not.warc.gz").write_text("This is no archive.\n" * 50)
    files = json.dumps([str(folder / "*.warc.gz")])
    run_winnow("run", "links", "--recipe", str(world), "--root", str(tmp_path / "stopped"))
    message = stop(world, tmp_path, "fetch", f"sources.crawl.files={files}")
    assert "InputError" in message
    assert "not.warc.gz" in message


def test_an_empty_dump_stops_the_stage(world, tmp_path):
    (tmp_path / "RS_empty.jsonl").touch()
    files = json.dumps([str(tmp_path / "RS_empty.jsonl")])
    message = stop(world, tmp_path, "links", f"sources.webtext.files={files}")
    assert "InputError" in message
    assert "RS_empty.jsonl" in message


def test_a_root_that_cannot_be_written_stops_before_anything_runs(world, tmp_path):
    (tmp_path / "file").touch()
    message = refuse("run", "all", "--recipe", str(world), "--root", str(tmp_path / "file" / "x"))
    assert "StorageError" in message
    assert "choose another --root" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_stops_with_one_error_and_the_run_goes_on_with_more_room(
    world, finished, tmp_path
):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)], capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        root = str(disk / "root")
        stages = ("links", "fetch", "extract")
        message = refuse("run", *stages, "--recipe", str(world), "--root", root)
        assert "StorageError" in message
        assert "the disk is full" in message
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        run_winnow("run", *stages, "--recipe", str(world), "--root", root)
        found = digests(Path(root))
        assert found.items() <= digests(finished).items()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_truncated_archive_loses_its_last_record_alone(world, tmp_path):
    # The world's last archive is cut in its last record: the others are whole.
    root = tmp_path / "root"
    run_winnow("run", "links", "fetch", "extract", "--recipe", str(world), "--root", str(root))
    reasons = ledger(root, "extract")["dropped"]
    assert reasons == {"truncated_record": 1}
    assert open_dataset(Store(str(root)), "captures").num_parts == NUM_ARCHIVES


def submit(package: Path, stage: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """spark-submit a job's file with the zip, from a folder where our sources are not."""
    import pyspark

    spark_home = Path(pyspark.__file__).parent
    environment = {
        **os.environ, "SPARK_HOME": str(spark_home), "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    return subprocess.run(
        [str(spark_home / "bin" / "spark-submit"), "--master", "local[2]", "--driver-memory", "1g",
         "--py-files", str(package), str(ROOT / "jobs" / f"{stage}.py"), *arguments],
        cwd=package.parent, env=environment, capture_output=True, text=True, check=False,
    )


@pytest.mark.parametrize("stage", ["extract", "dedup"])
def test_spark_submit_with_the_zip_gives_the_same_bytes(root, finished, world, stage, tmp_path):
    package = tmp_path / "dist" / "winnow.zip"
    run_winnow("package", str(package))
    forget(root, stage)
    done = submit(package, stage, "--recipe", str(world), "--root", str(root))
    assert done.returncode == 0, done.stdout + done.stderr
    assert digests(root) == digests(finished)


def test_a_text_source_of_another_kind_costs_its_lines_alone(world, tmp_path):
    with gzip.open(tmp_path / "odd.jsonl.gz", "wt") as lines:
        lines.write('{"text": "fine words"}\nnot json\n{"no": "text"}\n')
    root = tmp_path / "root"
    files = json.dumps([str(tmp_path / "odd.jsonl.gz")])
    run_winnow(
        "run", "links", "fetch", "extract", "--recipe", str(world), "--root", str(root),
        "--set", f"sources.manuals.files={files}",
    )
    assert ledger(root, "extract")["dropped"] == {
        "malformed_line": 1, "no_text": 1, "truncated_record": 1,
    }
