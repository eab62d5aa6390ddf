"""Constraints for the oldest dependencies are the lower bounds of setup.cfg."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from lowest_dependencies import ROOT, find_lower_bounds

CONFIG = """
[options]
install_requires =
    requests >=2.32.2,<3
[options.extras_require]
fast =
    orjson >=3.10,<4
old =
    %(fast)s
    tomli >=2; python_version < "3.11"
    django-plugin ==1.0.2
    psycopg[binary] >=3.1,<4
open =
    numpy
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "setup.cfg"
    path.write_text(CONFIG)
    return path


def test_each_dependency_has_its_oldest_version(path: Path) -> None:
    assert find_lower_bounds("old", path) == [
        "django-plugin==1.0.2",
        "orjson==3.10",
        "psycopg==3.1",
        "requests==2.32.2",
        'tomli==2; python_version < "3.11"',
    ]


def test_a_dependency_without_a_bound_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="numpy has no lower bound: write one into setup"):
        find_lower_bounds("open", path)


def test_dependencies_of_users_have_lower_bounds() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = set(config["options.extras_require"]) - {"dev"}  # stubs follow their libraries

    bounds = [bound for extra in extras for bound in find_lower_bounds(extra)]

    assert "attrs==23.2" in bounds
