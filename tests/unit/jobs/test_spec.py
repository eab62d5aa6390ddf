"""What a job is told to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import ConfigurationError
from synapse.jobs.spec import JobSpec, Limits, ReleaseFile


@pytest.mark.parametrize("value", [0, -1, float("nan")])
@pytest.mark.parametrize("name", ["timeout", "memory", "output"])
def test_a_limit_is_more_than_nothing(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=f"^The limit {name} is {value}: it must be"):
        Limits(**{name: value})


@pytest.mark.parametrize("checksum", ["", "../" + "a" * 61, "a" * 63, "A" * 64])
def test_a_checksum_can_not_be_a_path(checksum: str) -> None:
    with pytest.raises(ValueError, match="checksum"):
        ReleaseFile(code="a", version="1", checksum=checksum, archive=Path("a.zip"))


def test_an_order_does_not_show_the_token() -> None:
    release = ReleaseFile(code="a", version="1", checksum="a" * 64, archive=Path("a.zip"))
    order = JobSpec(
        job_id="1",
        release=release,
        action="train",
        params={},
        base_url="http://127.0.0.1:9",
        credentials={"api_token": "s3cret"},
    )

    assert "s3cret" not in repr(order)
