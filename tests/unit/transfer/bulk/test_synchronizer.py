from typing import Any

import pytest

from synapse.transfer.bulk.path_patterns import IgnoredFiles
from synapse.transfer.bulk.sync_options import SyncOptions
from synapse.transfer.bulk.synchronizer import Synchronizer, _covers
from synapse.transfer.bulk.upload_item import Specification
from synapse.transfer.bulk.uploader import Endpoints


def make_synchronizer(ignore: Any = None, **options: Any) -> Synchronizer:
    return Synchronizer(
        None,  # type: ignore[arg-type] # sends nothing
        SyncOptions(**options),
        specifications=[Specification("image", "image")],
        ignore=ignore,
        endpoints=Endpoints("files/", "units/", "tasks/", "task_list/", "truths/"),
        collection=1,
        project=None,
    )


@pytest.mark.parametrize(
    ("scope", "key", "is_inside"),
    [
        (None, "a/b.png", True),
        ("a", "a/b/c.png", True),
        ("a/", "a/b.png", True),
        ("a", "x/a/b.png", False),
        ("a", "ab.png", False),
        ("*.png", "a/b.png", True),
        ("cafe\u0301", "caf\u00e9/a.png", True),
    ],
)
def test_scope(scope: Any, key: str, is_inside: bool) -> None:
    assert make_synchronizer(scope=scope)._is_in_scope(key) is is_inside


def test_ignored_paths_are_outside() -> None:
    assert not make_synchronizer("docs")._is_in_scope("a/docs/b/c.png")
    assert make_synchronizer("docs")._is_in_scope("a/doc/c.png")
    assert make_synchronizer("docs", key="meta.id")._is_in_scope("docs")
    assert not _covers(IgnoredFiles(["docs"]), ".a/b.png")
