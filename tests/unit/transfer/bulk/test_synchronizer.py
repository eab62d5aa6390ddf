from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.path_patterns import IgnoredFiles
from synapse.transfer.bulk.synchronizer import Synchronizer, SyncOptions, _covers
from synapse.transfer.bulk.upload_item import Specification


def make_synchronizer(ignore: Any = None, **options: Any) -> Synchronizer:
    return Synchronizer(
        None,  # type: ignore[arg-type] # sends nothing
        SyncOptions(**options),
        specifications=[Specification("image", "image")],
        ignore=ignore,
        units_path="units/",
        tasks_path="tasks/",
        task_list="task_list/",
        truth_list="truths/",
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


@pytest.mark.parametrize("value", [-0.1, 1.5, True, "half"])
def test_max_delete(value: Any) -> None:
    with pytest.raises(UsageError, match="max_delete="):
        SyncOptions(max_delete=value)
