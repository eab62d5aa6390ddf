from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.sync_options import SyncOptions


@pytest.mark.parametrize("value", [-0.1, 1.5, True, "half"])
def test_max_delete(value: Any) -> None:
    with pytest.raises(UsageError, match="max_delete="):
        SyncOptions(max_delete=value)


@pytest.mark.parametrize("scope", ["", "./", "/a", "../a", "C:/a", 5])
def test_scopes_that_name_no_key(scope: Any) -> None:
    with pytest.raises(UsageError, match="scope="):
        SyncOptions(scope=scope)


def test_choices_that_contradict_each_other() -> None:
    with pytest.raises(UsageError, match="annotations='review' has no effect"):
        SyncOptions(annotations="review")
    with pytest.raises(UsageError, match="delete=1 is not valid"):
        SyncOptions(delete=1)  # type: ignore[arg-type] # on purpose
