"""Uploads of releases; tests/behaviour/plugins/test_releasing_plugins.py has a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import ConnectionFailed, ServerError, UsageError, ValidationError
from synapse.resources.release_upload import ReleaseUpload, bumped_version


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of version 1.0.0."""
    path = tmp_path / "config.yaml"
    path.write_text("version: 1.0.0\n")
    return path


def test_the_version_is_raised_for_the_block(config: Path) -> None:
    with bumped_version(config.parent, "patch"):
        assert config.read_text() == "version: 1.0.1\n"
    assert config.read_text() == "version: 1.0.1\n"
    with bumped_version(config.parent, None):
        assert config.read_text() == "version: 1.0.1\n"


@pytest.mark.parametrize(
    ("error", "version"),
    [
        (ValidationError(400, "no"), "1.0.0"),
        (UsageError("no"), "1.0.0"),
        (ServerError(500, "perhaps"), "1.0.1"),
        (ConnectionFailed(503, "perhaps"), "1.0.1"),
        (KeyboardInterrupt(), "1.0.1"),
    ],
)
def test_a_refused_release_restores_the_version(
    config: Path, error: BaseException, version: str
) -> None:
    with pytest.raises(type(error)), bumped_version(config.parent, "patch"):
        raise error
    assert config.read_text() == f"version: {version}\n"


def test_the_source_must_be_a_folder(config: Path) -> None:
    with (
        config.open("rb") as file,
        pytest.raises(UsageError, match="needs a folder"),
        bumped_version(file, "patch"),
    ):
        pass
    with pytest.raises(UsageError, match="is not a folder"), bumped_version(config, "patch"):
        pass


def test_a_missing_source(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.zip doesn't exist"):
        ReleaseUpload(source=tmp_path / "none.zip").load_config()
