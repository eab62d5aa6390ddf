"""Uploading blocks of a dataset, with a stand-in for Ray; tests/ray uses Ray itself."""

from __future__ import annotations

import pickle
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse.errors import JournalInUse, PermissionDenied, UsageError
from synapse.integrations import ray_upload
from synapse.integrations.ray_upload import upload
from synapse.resources.data_collections import DataCollection
from synapse.resources.tasks import Task
from synapse.transfer.bulk.report import UploadReport


class Block(list[dict[str, Any]]):
    """A block of rows."""

    @property
    def num_rows(self) -> int:
        return len(self)

    def to_pylist(self) -> list[dict[str, Any]]:
        return list(self)


class Dataset:
    """A dataset of blocks, processed one after the other."""

    def __init__(self, *blocks: Block) -> None:
        self._blocks = blocks

    def columns(self) -> list[str]:
        return sorted({name for block in self._blocks for row in block for name in row})

    def select_columns(self, names: list[str]) -> Dataset:
        return Dataset(*(Block({n: row[n] for n in names} for row in b) for b in self._blocks))

    def map_batches(self, function: Any, **_: Any) -> Dataset:
        results = [function(block) for block in self._blocks]
        return Dataset(*(Block({"report": report} for report in r["report"]) for r in results))

    def iter_rows(self) -> Iterator[dict[str, Any]]:
        for block in self._blocks:
            yield from block


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, fake_ray: types.ModuleType) -> list[Any]:
    """The calls of `DataCollection.upload`, which succeed."""
    calls: list[Any] = []

    def record(self: DataCollection, records: Any, **options: Any) -> UploadReport:
        calls.append((records, options))
        return UploadReport(collection=self.id, created=len(records))

    monkeypatch.setattr(DataCollection, "upload", record)
    return calls


@pytest.fixture
def collection() -> DataCollection:
    """A collection."""
    session = synapse.Session("http://127.0.0.1:9", "api-s3cret", retries=0)
    return session.identity.load(DataCollection, [{"id": 2, "name": "Texts"}])[0]


@pytest.fixture(autouse=True)
def no_request(monkeypatch: pytest.MonkeyPatch, collection: DataCollection) -> None:
    """Make workers get the collection without a request."""
    monkeypatch.setattr(
        "synapse.resources.data_collections.DataCollectionManager.get", lambda *_: collection
    )


def test_each_block_is_uploaded(
    calls: list[Any], collection: DataCollection, tmp_path: Path
) -> None:
    blocks = [Block([{"path": "a", "label": "x"}, {"path": "b", "label": "y"}]), Block()]
    dataset: Any = Dataset(*blocks, Block([{"path": "c", "label": "z"}]))

    report = upload(dataset, collection, files={"text": "path"}, journals=tmp_path, meta=["label"])

    assert (report.created, report.collection) == (3, 2)
    assert calls[0][0][0] == {"files": {"text": "a"}, "meta": {"label": "x"}}
    assert len({options["journal"] for _, options in calls}) == 2


def test_bytes_are_stored_under_their_name(
    calls: list[Any], collection: DataCollection, tmp_path: Path
) -> None:
    dataset: Any = Dataset(Block([{"data": b"hello", "name": "/in/a.txt"}]))

    upload(dataset, collection, files={"text": "data"}, journals=tmp_path, names="name")

    assert calls[0][0][0]["files"]["text"].endswith("/files/0/text/a.txt")


def test_an_error_of_a_worker_is_raised(
    monkeypatch: pytest.MonkeyPatch,
    fake_ray: types.ModuleType,
    collection: DataCollection,
    tmp_path: Path,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionDenied(403, "no")

    monkeypatch.setattr(DataCollection, "upload", refuse)
    dataset: Any = Dataset(Block([{"path": "a"}]))

    with pytest.raises(PermissionDenied):
        upload(dataset, collection, files={"text": "path"}, journals=tmp_path)


def test_a_journal_in_use_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
    fake_ray: types.ModuleType,
    collection: DataCollection,
    tmp_path: Path,
) -> None:
    outcomes: list[Any] = [JournalInUse("in use"), UploadReport(collection=2, created=1)]

    def answer(*_: Any, **__: Any) -> UploadReport:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        report: UploadReport = outcome
        return report

    monkeypatch.setattr(DataCollection, "upload", answer)
    monkeypatch.setattr("synapse.integrations.ray_upload.time.sleep", lambda _: None)
    dataset: Any = Dataset(Block([{"path": "a"}]))

    assert upload(dataset, collection, files={"text": "path"}, journals=tmp_path).created == 1


def test_a_worker_carries_no_token(collection: DataCollection, tmp_path: Path) -> None:
    block_upload = ray_upload._BlockUpload(
        collection._session, 2, {"text": "path"}, {}, None, None, str(tmp_path), 4
    )

    assert b"s3cret" not in pickle.dumps(block_upload)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"files": {}}, "files is empty"),
        ({"files": {"text": "pth"}}, "no column 'pth'; did you mean 'path'"),
        ({"files": {"text": "number"}}, "column 'number' has a int"),
    ],
)
def test_wrong_arguments(
    calls: list[Any],
    collection: DataCollection,
    tmp_path: Path,
    arguments: dict[str, Any],
    message: str,
) -> None:
    dataset: Any = Dataset(Block([{"path": "a", "number": 3}]))

    with pytest.raises(UsageError, match=message):
        upload(dataset, collection, journals=tmp_path, **arguments)


def test_another_resource_than_a_collection(
    calls: list[Any], collection: DataCollection, tmp_path: Path
) -> None:
    task = collection._session.identity.load(Task, [{"id": 1}])[0]

    with pytest.raises(UsageError, match="collection is a Task"):
        upload(Dataset(), task, files={"text": "path"}, journals=tmp_path)  # type: ignore[arg-type]
