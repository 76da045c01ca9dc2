"""Fixtures for all tests: one Spark session, and real data where there is some."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from corpus.storage import Store
from jobs.session import Session

# Most of a short session's time is the JVM's own start: leave out the second compiler, and the
# verification of classes. It changes no result.
os.environ.setdefault(
    "JDK_JAVA_OPTIONS",
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC "
    "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote",
)

# An example may take as long as it takes: a kernel's first call compiles it, and machines are busy.
hypothesis.settings.register_profile("winnow", deadline=None)
hypothesis.settings.load_profile("winnow")


LONGEST_FIRST = ("test_pipeline.py", "test_real_pages.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST_FIRST)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument: gzip's hold the hour, and all workers collect the same."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    """One embedded session on two cores for the whole run."""
    root = str(Path(__file__).parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    session = Session(master="local[2]")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def spark(session: Session):
    return session.spark


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3 API server on loopback."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_root(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A root in a bucket of its own, at s3://."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    bucket = tmp_path.name.replace("_", "-").lower()[-50:].strip("-")
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/root"


@pytest.fixture(params=["local", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store of each kind that is tested."""
    if request.param == "s3":
        return Store(request.getfixturevalue("s3_root"))
    return Store(str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pages, dumps, texts and benchmarks; tests that need it skip without."""
    folder = Path(os.environ.get("WINNOW_DATA", "/nonexistent"))
    if not (folder / "warc").is_dir():
        pytest.skip("set WINNOW_DATA to a folder of real data to run this test")
    return folder
