"""Packing a folder: the same files give the same zip, and mistakes are refused."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import BadArchive, MissingExtra, PluginConfigError, UsageError
from synapse.plugins.packaging import check_zip, load_config, pack, read_config

CONFIG: dict[str, Any] = {
    "code": "digits",
    "name": "Digits",
    "version": "1.0.0",
    "category": "neural_net",
    "actions": {"train": {"entrypoint": "plugin.train:run"}},
}


def write(folder: Path, **files: str) -> None:
    """Write files; `__` stands for a slash, and `DOT` for a dot at the beginning."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("DOT", ".").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plugin's folder."""
    made = tmp_path / "digits"
    (made / "plugin").mkdir(parents=True)
    (made / "config.json").write_text(json.dumps(CONFIG))
    (made / "plugin" / "train.py").write_text("def run(context): ...\n")
    return made


def configure(folder: Path, **changes: Any) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))


def packed(folder: Path, **options: Any) -> tuple[str, ...]:
    return pack(folder, folder.parent / "release.zip", **options).names


def mistakes(folder: Path, **options: Any) -> dict[str, list[str]]:
    target = folder.parent / "release.zip"
    with pytest.raises(PluginConfigError) as caught:
        pack(folder, target, **options)
    assert not target.exists()
    return caught.value.problems


def test_a_folder_is_packed(folder: Path) -> None:
    (folder / "plugin" / "run.sh").write_text("#!/bin/sh")
    (folder / "plugin" / "run.sh").chmod(0o755)

    package = pack(folder, folder.parent / "release.zip", code="digits", version="1.0.0")

    assert package.names == ("config.json", "plugin/run.sh", "plugin/train.py")
    assert package.config.action().entrypoint == "plugin.train:run"
    with zipfile.ZipFile(package.path) as archive:
        assert archive.read("plugin/train.py") == b"def run(context): ...\n"
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert modes == {"config.json": 0o644, "plugin/run.sh": 0o755, "plugin/train.py": 0o644}


def test_the_same_files_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    (folder / "a").write_text("1")
    (folder / "b").write_text("2")
    first = pack(folder, tmp_path / "1.zip")
    copy = tmp_path / "elsewhere" / "copy"
    copy.mkdir(parents=True)
    for name in (
        "b",
        "plugin/train.py",
        "a",
        "config.json",
    ):  # in another order and at another time
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / name, copy / name)
        os.utime(copy / name, (1, 1))
        (copy / name).chmod(0o600)

    second = pack(copy, tmp_path / "2.zip")

    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.checksum == second.checksum
    (copy / "a").write_text("3")
    assert pack(copy, tmp_path / "2.zip").checksum != first.checksum


def test_what_is_left_out(folder: Path) -> None:
    for name in (
        ".git/HEAD",
        "plugin/__pycache__/train.cpython-311.pyc",
        "plugin/old.pyc",
        ".venv/bin/python",
        "environment/pyvenv.cfg",
        "environment/lib/x.py",
        ".DS_Store",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")

    assert packed(folder) == ("config.json", "plugin/train.py")


def test_gitignore(folder: Path) -> None:
    write(folder, DOTgitignore="*.log\n!keep.log\n/data/\nnotes/*\n!notes/kept.txt\n# a comment\n")
    for name in ("x.log", "keep.log", "data/1", "plugin/data/2", "notes/kept.txt", "notes/other"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")

    assert packed(folder) == (
        ".gitignore",
        "config.json",
        "keep.log",
        "notes/kept.txt",
        "plugin/data/2",
        "plugin/train.py",
    )


def test_nested_gitignore_says_more_than_the_one_above(folder: Path) -> None:
    write(folder, DOTgitignore="*.log\nbuild/\n", plugin__DOTgitignore="!wanted.log\n/x.txt\n")
    for name in (
        "x.txt",
        "plugin/x.txt",
        "plugin/wanted.log",
        "plugin/other.log",
        "plugin/deep/x.txt",
        "build/wanted.log",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")

    assert packed(folder) == (
        ".gitignore",
        "config.json",
        "plugin/.gitignore",
        "plugin/deep/x.txt",
        "plugin/train.py",
        "plugin/wanted.log",
        "x.txt",
    )


def test_a_link_inside_counts_as_what_it_leads_to(folder: Path) -> None:
    (folder / "again.py").symlink_to("plugin/train.py")
    (folder / "also").symlink_to("plugin", target_is_directory=True)

    assert packed(folder) == ("again.py", "also/train.py", "config.json", "plugin/train.py")
    with zipfile.ZipFile(folder.parent / "release.zip") as archive:
        assert archive.read("again.py") == b"def run(context): ...\n"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/etc/hostname", "leads out of the folder"),
        ("../outside", "leads out of the folder"),
        ("nowhere", "leads nowhere"),
        (".", "a link to a folder around the link"),
        ("link", "leads nowhere"),
    ],
)
def test_a_link_that_cannot_be_packed(folder: Path, target: str, reason: str) -> None:
    (folder.parent / "outside").write_text("secret")
    (folder / "link").symlink_to(target)

    with pytest.raises(UsageError, match=reason):
        packed(folder)
    (folder / ".gitignore").write_text("link\n")
    assert packed(folder) == (".gitignore", "config.json", "plugin/train.py")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    with pytest.raises(UsageError, match="neither a file nor a folder"):
        packed(folder)


def test_names_that_differ_in_case_only(folder: Path) -> None:
    (folder / "plugin" / "Train.py").write_text("")
    if not (folder / "plugin" / "train.py").read_text():
        pytest.skip("the file system doesn't tell cases apart")

    with pytest.raises(UsageError, match="differ in case only"):
        packed(folder)


@pytest.mark.parametrize(
    ("entrypoint", "reason"),
    [
        ("plugin.trian:run", "The release has no plugin/trian.py; did you mean 'plugin/train.py'?"),
        ("plugin:run", "The release has no plugin.py; did you mean 'plugin/train.py'?"),
        ("plugin.train:rum", "plugin/train.py has no 'rum'; did you mean 'run'?"),
        ("plugin.train:main", "plugin/train.py has no 'main'."),
        ("plugin.train:runs", "plugin/train.py has no 'runs'; did you mean 'run'?"),
        ("sklearn.svm:SVC", "The release has no sklearn/svm.py."),
    ],
)
def test_an_entrypoint_that_is_not_there(folder: Path, entrypoint: str, reason: str) -> None:
    configure(folder, actions={"train": {"entrypoint": entrypoint}})

    assert mistakes(folder) == {"actions.train.entrypoint": [reason]}


def test_an_entrypoint_that_is_left_out(folder: Path) -> None:
    (folder / ".gitignore").write_text("plugin/\n")

    assert mistakes(folder) == {
        "actions.train.entrypoint": [
            "The release has no plugin/train.py: a rule of git leaves the file out."
        ]
    }


@pytest.mark.parametrize(
    "source",
    [
        "async def run(context): ...",
        "from elsewhere import run",
        "from elsewhere import *",
        "from elsewhere import go as run",
        "class run: ...",
        "run = make()",
        "try:\n    run = 1\nexcept X:\n    pass",
        "def __getattr__(name): ...",
        "globals()['r' + 'un'] = print",
        "this is for another Python (",
        "for run in things: ...",
    ],
)
def test_an_entrypoint_that_may_be_there(folder: Path, source: str) -> None:
    (folder / "plugin" / "train.py").write_text(source)

    assert "plugin/train.py" in packed(folder)


@pytest.mark.parametrize("name", ["plugin/train/__init__.py", "plugin/train.cpython-311.so"])
def test_other_kinds_of_modules(folder: Path, name: str) -> None:
    (folder / "plugin" / "train.py").unlink()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("def run(): ...")

    assert name in packed(folder)


def test_every_mistake_is_named_at_once(folder: Path) -> None:
    actions = {"a": {"entrypoint": "gone:run"}, "b": {}}
    configure(folder, category="x", actions=actions, install=True)

    assert list(mistakes(folder, code="letters", version="2.0.0")) == [
        "category",
        "actions.b.entrypoint",
        "code",
        "version",
        "actions.a.entrypoint",
        "requirements",
    ]


def test_what_is_to_be_installed_must_be_named(folder: Path) -> None:
    configure(folder, install=True)
    assert list(mistakes(folder)) == ["requirements"]

    (folder / "requirements.txt").write_text("numpy\n")
    assert "requirements.txt" in packed(folder)


def test_no_configuration(folder: Path) -> None:
    (folder / "config.json").rename(folder / "plugin" / "config.json")
    assert "Release the folder with plugin/config.json" in mistakes(folder)[""][0]

    (folder / "plugin" / "config.json").rename(folder / "config.yml")
    assert mistakes(folder) == {"": ["Named config.yml. Rename the file to config.yaml."]}

    (folder / "config.yml").rename(folder / "config.yaml")
    (folder / ".gitignore").write_text("config.*")
    assert mistakes(folder) == {"": ["Left out by .gitignore, or by another rule of git."]}


def test_two_configurations(folder: Path) -> None:
    (folder / "config.yaml").write_text("code: x")

    assert mistakes(folder) == {"": ["The folder has a config.json too. Keep one."]}


def test_a_configuration_that_cannot_be_read(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    assert "Can't be read" in mistakes(folder)[""][0]
    (folder / "config.json").write_text("[1]")
    assert mistakes(folder)[""] == ["Not a mapping."]


def test_yaml_that_cannot_be_read(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.yaml").write_text("code: digits\nname: Digits: the plugin\n")

    assert mistakes(folder)[""] == [
        "Can't be read: mapping values are not allowed here, in line 2, column 13."
    ]


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        pack(tmp_path / "none", tmp_path / "x.zip")


def test_a_zip_from_elsewhere_is_checked_alike(folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "made"), "zip", folder)
    checked = check_zip(archive, code="digits", version="1.0.0")
    assert checked is not None
    assert checked.name == "Digits"

    configure(folder, actions={"train": {"entrypoint": "plugin.gone:run"}})
    archive = shutil.make_archive(str(tmp_path / "made"), "zip", folder)
    with pytest.raises(PluginConfigError, match=r"actions\.train\.entrypoint"):
        check_zip(archive)


def test_a_zip_that_has_nothing_to_run_is_left_to_the_server(tmp_path: Path) -> None:
    for name, text in (("README.md", "x"), ("config.json", '{"code": 3}')):
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
            archive.writestr(name, text)
        assert check_zip(tmp_path / "made.zip") is None


def test_a_misspelt_actions_is_no_zip_without(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("config.json", '{"action": {}}')

    with pytest.raises(PluginConfigError, match="did you mean 'actions'"):
        check_zip(tmp_path / "made.zip")


def test_a_zip_of_the_folder_instead_of_what_is_in_it(folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "made"), "zip", folder.parent, folder.name)

    with pytest.raises(PluginConfigError, match="Inside digits/, not at the top"):
        check_zip(archive)


TEXT = json.dumps(CONFIG)


def zip_of(path: Path, *names: str, text: str = TEXT) -> Path:
    """Make a zip whose files that are called config have a text."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            is_config = name.casefold().rpartition("/")[2].startswith("config.")
            archive.writestr(name, text if is_config else "")
    return path


@pytest.mark.parametrize("config", ["config.json", "config.yaml", "config.yml", "Config.YAML"])
@pytest.mark.parametrize(
    "beside",
    ["__MACOSX/p/._config.json", "__MACOSX/p/config.json", ".DS_Store", "README.md", "Thumbs.db"],
)
def test_a_zip_of_the_folder_beside_other_files(tmp_path: Path, beside: str, config: str) -> None:
    archive = zip_of(tmp_path / "made.zip", beside, f"p/{config}", "p/plugin/train.py")

    with pytest.raises(PluginConfigError, match="Inside p/, not at the top"):
        check_zip(archive)


@pytest.mark.parametrize("config", ["config.yml", "Config.yaml", "CONFIG.JSON", "config.YML"])
def test_a_zip_whose_configuration_has_another_name(tmp_path: Path, config: str) -> None:
    archive = zip_of(tmp_path / "made.zip", config, "plugin/train.py")

    with pytest.raises(PluginConfigError, match=f"Named {config}. Rename the file to config"):
        check_zip(archive)


def test_a_configuration_in_two_folders_is_found(tmp_path: Path) -> None:
    with pytest.raises(PluginConfigError, match="Inside a/b/, not at the top"):
        check_zip(zip_of(tmp_path / "made.zip", "a/b/config.yaml", "README.md"))


def test_settings_of_something_else_are_no_configuration(tmp_path: Path) -> None:
    model = zip_of(tmp_path / "model.zip", "model/config.json", text='{"hidden_size": 3}')
    broken = zip_of(tmp_path / "broken.zip", "model/config.json", text="{")
    mac = zip_of(tmp_path / "mac.zip", "__MACOSX/config.yml", "README.md")

    assert [check_zip(path) for path in (model, broken, mac)] == [None] * 3


@pytest.mark.parametrize("config", ["config.yml", "Config.yaml", "CONFIG.JSON"])
def test_a_folder_whose_configuration_has_another_name(folder: Path, config: str) -> None:
    (folder / "config.json").rename(folder / config)

    assert mistakes(folder)[""] == [f"Named {config}. Rename the file to config.yaml."]


def test_a_zip_that_is_unsafe(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("../x", "")

    with pytest.raises(BadArchive):
        check_zip(tmp_path / "made.zip")


def test_reading_the_configuration(folder: Path) -> None:
    package = pack(folder, folder.parent / "release.zip")

    with package.path.open("rb") as stream:
        for place in (folder, str(folder), package.path, stream):
            assert read_config(place) == CONFIG
            assert load_config(place, code="digits") == package.config
    (folder / "config.json").unlink()
    for read in (read_config, load_config):
        with pytest.raises(PluginConfigError, match="Missing at the top"):
            read(folder)


def test_yaml_without_the_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (folder / "config.json").rename(folder / "config.yaml")
    with pytest.raises(MissingExtra, match=r"config.yaml"):
        read_config(folder)


def test_credentials_are_packed_only_on_demand(folder: Path) -> None:
    for name in ("a/id_rsa", *(f"{number}.env" for number in range(6))):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")

    with pytest.raises(UsageError, match=r"credentials: 0\.env, .*, 4\.env and 2 more\. Name them"):
        packed(folder)
    assert not (folder.parent / "release.zip").exists()
    assert "a/id_rsa" in packed(folder, allow_credentials=True)

    write(folder, DOTgitignore="*.env\nid_rsa\n")
    assert packed(folder) == (".gitignore", "config.json", "plugin/train.py")
