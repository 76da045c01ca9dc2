"""Progress tells parts done, rows a second and time left, from what is published."""

from __future__ import annotations

import io
import time
from pathlib import Path

from rich.console import Console

from corpus.publishing import PartRecords
from corpus.storage import Store
from jobs import progress
from jobs.progress import Progress, say


def publish(records: PartRecords, number: int, rows: int) -> None:
    account = {"taken": rows, "kept": rows, "dropped": {}}
    records.add({"number": number, "ledger": {"rows": account}, "parts": {}})


def test_plain_lines_where_there_is_no_terminal(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.05)
    records = PartRecords(Store(str(tmp_path)), "extract", "parts")
    publish(records, 0, 1000)  # of an earlier run: no part of this run's rate
    with Progress("extract", "parts", records, num_parts=4):
        publish(records, 1, 500)
        time.sleep(0.3)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("extract (parts): 2/4 parts, ")
    rate = int(last.split("parts, ")[1].split(" rows/s")[0].replace(",", ""))
    assert 500 < rate <= 500 / 0.05
    assert last.endswith(" left")


def test_a_live_line_on_a_terminal(tmp_path: Path, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(progress, "_console", Console(file=screen, force_terminal=True, width=120))
    monkeypatch.setattr(progress, "TERMINAL_SECONDS", 0.02)
    records = PartRecords(Store(str(tmp_path)), "dedup", "bands")
    with Progress("dedup", "bands", records, num_parts=2):
        publish(records, 0, 10)
        time.sleep(0.4)
    assert "dedup (bands): 1/2 parts" in screen.getvalue()


def test_a_message_is_one_line_and_no_markup(capsys):
    say("links: [bold]602[/bold] links")
    assert capsys.readouterr().err == "links: [bold]602[/bold] links\n"


def test_time_left_reads_as_a_clock():
    assert [progress._clock(s) for s in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]
