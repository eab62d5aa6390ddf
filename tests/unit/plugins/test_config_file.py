"""Finding and reading a release's configuration file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from synapse.errors import PluginConfigError, UsageError
from synapse.plugins.config_file import (
    find_config,
    parse_config,
    read_config,
    read_plugin_fields,
)

CONFIG = {
    "code": "digits",
    "name": "Digits",
    "version": "1.0.0",
    "category": "neural_net",
    "actions": {"train": {"entrypoint": "plugin:train"}},
}


def test_a_folder_with_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))

    assert find_config(tmp_path) == ("config.json", CONFIG)
    assert read_config(tmp_path) == CONFIG


def test_a_folder_without_a_configuration(tmp_path: Path) -> None:
    assert find_config(tmp_path) == (None, {})
    with pytest.raises(PluginConfigError, match=r"Missing at the top of .* make one:"):
        read_config(tmp_path)


def test_yaml_dates_and_an_empty_file_become_plain_values() -> None:
    assert parse_config("config.yaml", b"since: 2026-01-31") == {"since": "2026-01-31"}
    assert parse_config("config.yaml", b"") == {}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("config.json", b"{", "Can't be read"),
        ("config.yaml", b"a: [", "in line 1, column 5"),
        ("config.json", b"[]", "Not a mapping."),
        ("config.json", b'{"a": NaN}', "Can't be read"),
    ],
)
def test_text_that_is_not_a_configuration(name: str, text: bytes, problem: str) -> None:
    with pytest.raises(PluginConfigError, match=problem) as caught:
        parse_config(name, text)

    assert caught.value.source == name


def test_the_fields_of_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))

    assert read_plugin_fields(tmp_path) == {
        "code": "digits",
        "name": "Digits",
        "category": "neural_net",
    }
    with pytest.raises(UsageError, match="is not a folder"):
        read_plugin_fields(tmp_path / "config.json")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_named_pipe_is_no_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    assert find_config(tmp_path) == (None, {})
