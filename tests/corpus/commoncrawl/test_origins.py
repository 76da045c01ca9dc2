"""S3, as Common Crawl's bucket is, and folders answer as https does."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from pathlib import Path

import pytest

from corpus.commoncrawl.copies import copy_file
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.transfer import Transfer, TransferFailed
from corpus.errors import SetupError

DATA = random.Random(8).randbytes(300_000)
QUICK = CommonCrawlSettings(max_attempts=2, backoff_seconds=0.01)


def read(address: str, start: int = 0, length: int | None = None, *, settings=QUICK):
    async def run() -> bytes | str:
        async with Transfer(settings) as transfer:
            try:
                return await transfer.read(address, start, length)
            except TransferFailed as failure:
                return failure.reason

    return asyncio.run(run())


@pytest.fixture
def bucket(s3_root: str) -> str:
    """s3://bucket, with an object f, and one that is open to all."""
    import boto3

    name = s3_root.split("/")[2]
    boto3.client("s3").put_object(Bucket=name, Key="crawl/f", Body=DATA)
    boto3.client("s3").put_object(
        Bucket=name, Key="crawl/open", Body=DATA, ACL="public-read"
    )
    return f"s3://{name}"


@pytest.fixture(params=["s3", "folder", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return request.getfixturevalue("bucket")
    (tmp_path / "crawl").mkdir()
    (tmp_path / "crawl" / "f").write_bytes(DATA)
    return str(tmp_path) if request.param == "folder" else f"file://{tmp_path}"


def test_ranges_and_whole_files_are_the_same_from_everywhere(place):
    assert read(f"{place}/crawl/f", 1_000, 50) == DATA[1_000:1_050]
    assert read(f"{place}/crawl/f") == DATA
    assert read(f"{place}/crawl/f", 299_000) == DATA[299_000:]


def test_what_is_not_there_is_a_reason_everywhere(place):
    assert read(f"{place}/crawl/nothing", 0, 10) == "not_found"
    assert read(f"{place}/crawl/f", 400_000, 10) == "outside_file"
    assert read(f"{place}/crawl/f", 299_995, 10) == "outside_file"


def test_an_object_is_copied(bucket, tmp_path):
    copied = asyncio.run(copy_file(Transfer(QUICK), f"{bucket}/crawl/f", tmp_path / "f"))
    assert copied.num_bytes == len(DATA)
    assert (tmp_path / "f").read_bytes() == DATA


def test_an_open_bucket_needs_no_credentials(bucket, monkeypatch, s3_server):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    settings = CommonCrawlSettings(s3_anonymous=True, s3_endpoint=s3_server, max_attempts=1)
    assert read(f"{bucket}/crawl/open", 0, 10, settings=settings) == DATA[:10]
    assert read(f"{bucket}/crawl/f", 0, 10, settings=settings) == "forbidden"
    with pytest.raises(SetupError, match=r"without credentials.*s3_anonymous"):
        read(f"{bucket}/crawl/f", settings=CommonCrawlSettings(s3_endpoint=s3_server))


def test_a_changed_object_is_not_spliced(bucket, tmp_path):
    import boto3

    path, name = tmp_path / "f.gz", bucket.removeprefix("s3://")
    new = gzip.compress(DATA)
    part = tmp_path / "f.gz.part"
    part.write_bytes(DATA[:1000])
    etag = boto3.client("s3").head_object(Bucket=name, Key="crawl/f")["ETag"]
    (tmp_path / "f.gz.part.version").write_text(json.dumps({"If-Match": etag}))
    boto3.client("s3").put_object(Bucket=name, Key="crawl/f", Body=new)

    asyncio.run(copy_file(Transfer(QUICK), f"{bucket}/crawl/f", path))
    assert path.read_bytes() == new


def test_a_dead_s3_server_is_a_reason(bucket):
    settings = CommonCrawlSettings(
        max_attempts=2, backoff_seconds=0.01, s3_endpoint="http://127.0.0.1:9"
    )
    assert read(f"{bucket}/crawl/f", settings=settings) == "connection_failed"
