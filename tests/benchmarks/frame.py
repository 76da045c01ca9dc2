"""Rows of a benchmark: ours and a peer's figure on the same input in the same run.

Peers live in a virtual environment of their own (build/peers), made from peers/requirements.txt
when first needed. A peer is a script that loads its input, says so, and then does one pass for each
line it is sent (peers/passes.py). Passes go ours, theirs, ours, theirs, so that a drift of the
machine meets both; the figure is the median, after a pass of each that does not count.

A pass is timed in processor seconds of its process, and both sides have the same single core: on a
quiet machine that is the clock's time, and on a busy one it is still the work that was done.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
PEERS = Path(__file__).parent / "peers"
GROUPS = (
    "links", "crawler", "archives", "extract", "screen", "language", "quality", "dedup",
    "contamination", "tokens", "trainer",
)  # fmt: skip
PASSES = 3
NANOGPT_VARIABLE = "WINNOW_NANOGPT"  # names a folder with a checkout of karpathy/nanoGPT
SOURCES = ("web_gold", "nltk_misc", "novels")  # pages, old news and dialogues, books
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison; `ours` and `peer` are in `unit`, and more is better."""

    group: str
    name: str
    ours: float
    peer: float
    unit: str
    target: float
    """Least ratio of ours to the peer's."""

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peer

    @property
    def met(self) -> bool:
        """Whether the ratio reaches the target."""
        return self.ratio >= self.target

    def to_json(self) -> dict[str, Any]:
        """Plain values, as build/bench.json has them."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


class Pass(NamedTuple):
    """One pass over the input: what it took, and what it came to."""

    seconds: float
    result: Any


class Rates(NamedTuple):
    """Median rates (amount a second), and what the last passes came to."""

    ours: float
    peer: float
    our_result: Any
    peer_result: Any

    def row(self, group: str, name: str, *, unit: str, target: float) -> Row:
        """The row of these rates."""
        return Row(group=group, name=name, ours=self.ours, peer=self.peer, unit=unit, target=target)


def in_turn(amount: float, ours: Callable[[], Any], peer: Callable[[], Pass]) -> Rates:
    """Time ours and a peer (a Peer, or timed(...) of a function) in turn on the same amount."""
    run = timed(ours)
    run(), peer()
    passes = [(run(), peer()) for _ in range(PASSES)]
    return Rates(
        amount / statistics.median(mine.seconds for mine, _ in passes),
        amount / statistics.median(theirs.seconds for _, theirs in passes),
        passes[-1][0].result,
        passes[-1][1].result,
    )


def timed(run: Callable[[], Any]) -> Callable[[], Pass]:
    """The function as a pass of this process."""

    def one() -> Pass:
        started = time.process_time()
        result = run()
        return Pass(time.process_time() - started, result)

    return one


def require(fact: bool, message: str) -> None:
    """Stop where the two sides did not do the same work: their speeds then compare nothing."""
    if not fact:
        raise RuntimeError(message)


class Peer:
    """A script of peers/ as a process that does one pass at each call."""

    def __init__(self, script: str | Path, *arguments: str | Path, python: Path | None = None):
        """Start it; the default Python is that of the peers' environment."""
        self._script = PEERS / script
        command = [python or peers_python(), self._script, *arguments]
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_bare_environment(),
        )  # fmt: skip
        self._answer()  # it has loaded its input

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()  # the end of its input ends it

    def __call__(self) -> Pass:
        """Have it do one pass."""
        assert self._process.stdin is not None
        self._process.stdin.write("pass\n")
        self._process.stdin.flush()
        answer = self._answer()
        return Pass(answer["seconds"], answer["result"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        require(bool(line), f"peer {self._script.name} ended early; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def one_core() -> Iterator[None]:
    """Hold this process, and what it starts, to one core and to one thread of each library.

    Enter it before libraries that start threads are loaded: those keep the cores they were born to.
    """
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"), TOKENIZERS_PARALLELISM="false")
    if not hasattr(os, "sched_setaffinity"):  # not Linux: one thread has to do
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def requirements() -> list[str]:
    """The peers and their versions, as peers/requirements.txt pins them."""
    lines = (PEERS / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def peers_python() -> Path:
    """Python of the peers' environment, made where there is none or the pins have changed."""
    home = BUILD / "peers"
    python, stamp = home / "bin" / "python", home / "installed.txt"
    wanted = "\n".join(requirements())
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        print("installing the peers into build/peers", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "-r"]
        subprocess.run([*pip, str(PEERS / "requirements.txt")], check=True, env=_bare_environment())
        stamp.write_text(wanted, encoding="utf-8")
    return python


def _bare_environment() -> dict[str, str]:
    """The environment without PYTHONPATH, which would show a peer our own packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


class Sample(NamedTuple):
    """Real texts, and the same in a file of JSON lines for the peers."""

    texts: list[str]
    path: Path
    megabytes: float
    """UTF-8 bytes of the texts, in units of 10^6."""


def sample_texts(data: Path, *, num_bytes: int, sources: Sequence[str] = SOURCES) -> Sample:
    """So many bytes of real text (or all there is), one of each source in turn."""
    readers = [texts_of_source(data, name) for name in sources]
    texts: list[str] = []
    size = 0
    while size < num_bytes and readers:
        for reader in list(readers):
            text = next(reader, None)
            if text is None:
                readers.remove(reader)
            else:
                texts.append(text)
                size += len(text.encode())
    name = "-".join(("texts", str(num_bytes), *(sources if sources != SOURCES else ())))
    return Sample(texts, peer_input(name, texts), size / 1e6)


def peer_input(name: str, texts: list[str]) -> Path:
    """A file of these texts, as JSON lines with the key `text`."""
    path = BUILD / "bench" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts), encoding="utf-8")
    return path


def texts_of_source(data: Path, name: str) -> Iterator[str]:
    """The texts of one source, in order."""
    with gzip.open(data / "text" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]
