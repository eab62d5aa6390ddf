"""Code that isn't released is packed and checked like a release."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from synapse.agent.debug_release import pack_debug_release
from synapse.agent.http_errors import Refusal

CODE = "def say(context):\n    print('Hello!')\n"
CONFIG = {"actions": {"say": {"entrypoint": "talker:say"}}}


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "debug.zip"


def read(dest: Path, name: str) -> str:
    with zipfile.ZipFile(dest) as archive:
        return archive.read(name).decode()


def make_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "plugin"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("")
    (folder / "talker.py").write_text(CODE)
    (folder / "requirements.txt").write_text("# first\nattrs\n\n")
    (folder / "config.yaml").write_text(
        "{code: talker, name: Talker, version: 2.0.0, category: export,"
        " actions: {say: {entrypoint: 'talker:say'}}}"
    )
    return folder


def test_modules(dest: Path) -> None:
    modules = {"talker": CODE, "parts.more": "x = 1\n"}

    package = pack_debug_release({"modules": modules, "config": CONFIG}, dest)

    assert set(package.names) == {"config.json", "talker.py", "parts/more.py"}
    assert (package.config.code, package.config.version) == ("debug", "0.0.0")
    assert read(dest, "talker.py") == CODE


def test_folder(tmp_path: Path, dest: Path) -> None:
    package = pack_debug_release({"plugin_path": str(make_folder(tmp_path))}, dest)

    assert set(package.names) == {"config.json", "talker.py", "requirements.txt"}
    assert (package.config.code, package.config.version) == ("talker", "2.0.0")
    assert list(package.config.actions) == ["say"]


def test_modules_replace_files_of_the_folder(tmp_path: Path, dest: Path) -> None:
    body = {"plugin_path": str(make_folder(tmp_path)), "modules": {"talker": CODE * 2}}

    pack_debug_release({**body, "config": {**CONFIG, "code": "other"}}, dest)

    assert read(dest, "talker.py") == CODE * 2
    assert json.loads(read(dest, "config.json"))["code"] == "other"


def test_requirements_come_in_addition(tmp_path: Path, dest: Path) -> None:
    body = {"plugin_path": str(make_folder(tmp_path)), "requirements": ["numpy>=2"]}

    package = pack_debug_release(body, dest)

    assert package.config.requirements == ("attrs", "numpy>=2")
    assert package.config.install


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "modules", "or a folder as plugin_path"),
        ({"modules": ["x"]}, "modules", "source code by name"),
        ({"modules": {"../x": ""}}, "modules", "source code by name"),
        ({"modules": {"a.py/x": ""}}, "modules", "source code by name"),
        ({"modules": {"x": 3}}, "modules", "source code by name"),
        ({"modules": {"x": ""}, "config": [1]}, "config", "object"),
        ({"modules": {"x": ""}, "requirements": "numpy"}, "requirements", "list"),
        ({"modules": {"x": ""}, "config": CONFIG}, "modules", "talker"),
        ({"modules": {"talker": CODE}}, "modules", "actions"),
        ({"plugin_path": "relative"}, "plugin_path", "absolute path"),
        ({"plugin_path": 3}, "plugin_path", "absolute path"),
        ({"plugin_path": "/nowhere/at/all"}, "plugin_path", "is not a folder"),
    ],
)
def test_refused(body: dict[str, Any], field: str, says: str, dest: Path) -> None:
    with pytest.raises(Refusal) as caught:
        pack_debug_release(body, dest)

    assert caught.value.status == 400
    ((name, (said,)),) = caught.value.body.items()
    assert name == field
    assert says in said
