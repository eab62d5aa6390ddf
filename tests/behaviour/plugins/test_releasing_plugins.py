"""Releases of folders and zips: checked here, and again by the server."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from synapse import Plugin, Session
from synapse.errors import (
    BadArchive,
    MissingExtra,
    PluginConfigError,
    UsageError,
    ValidationError,
)
from synapse.plugins.packaging import pack
from synapse.testing import assert_num_requests


def test_a_plugin_is_made_as_its_folder_says(session: Session, folder: Any) -> None:
    with assert_num_requests(session, 1):
        made = session.plugins.create(folder=folder.path, name="Parrot", extra={"author": "Ada"})

    assert (made.code, made.name, made.category) == ("echo", "Parrot", "export")
    assert (made.description, made.author) == ("Says what it is told.", "Ada")
    assert Plugin.objects.get("echo") is made


def test_the_class_makes_it_by_the_default_session(session: Session, folder: Any) -> None:
    plugin = Plugin.create(folder=folder.path, name="Another name")
    assert session.plugins.get(plugin.code) is plugin
    assert plugin.name == "Another name"


def test_a_folder_that_is_no_plugins(session: Session, folder: Any, tmp_path: Path) -> None:
    folder.configure(category="x")
    with assert_num_requests(session, 0):
        with pytest.raises(PluginConfigError, match="category"):
            session.plugins.create(folder=folder.path)
        with pytest.raises(UsageError, match="is not a folder"):
            session.plugins.create(folder=tmp_path / "none")


def test_a_folder_is_released(
    session: Session, plugin: Plugin, folder: Any, tmp_path: Path
) -> None:
    (folder.path / ".gitignore").write_text("*.log\n")
    (folder.path / "x.log").write_text("x")
    with assert_num_requests(session, 1):
        release = plugin.release("1.0.0", folder.path, changelog="The first one.")

    assert (release.version, release.changelog, release.readme) == (
        "1.0.0",
        "The first one.",
        "# Echo",
    )
    assert list(release.config["actions"]) == ["say", "fail"]
    assert plugin.refresh().version == "1.0.0"
    downloaded = release.download(tmp_path / "d.zip")
    assert downloaded.read_bytes() == pack(folder.path, tmp_path / "p.zip").path.read_bytes()
    with zipfile.ZipFile(downloaded) as archive:
        assert archive.namelist() == [".gitignore", "README.md", "config.yaml", "echo/say.py"]
    assert release.file is not None
    assert release.file.split("?")[0].endswith("/echo-1.0.0.zip")


@pytest.mark.parametrize("form", ["folder", "path", "open"])
def test_the_first_release_creates_the_plugin(
    session: Session, folder: Any, tmp_path: Path, form: str
) -> None:
    archive = pack(folder.path, tmp_path / "p.zip").path
    source = {"folder": folder.path, "path": archive, "open": io.BytesIO(archive.read_bytes())}[
        form
    ]
    with assert_num_requests(session, 1):
        release = session.plugins.release(source, name="p.zip", changelog="The first one.")
        assert release.plugin is not None
        key = release.plugin.id

    assert (release.version, release.changelog) == ("1.0.0", "The first one.")
    made = session.plugins.get("echo")
    assert (made.id, made.name, made.category, made.version) == (key, "Echo", "export", "1.0.0")
    folder.configure(version="1.1.0")
    with assert_num_requests(session, 1):
        assert session.plugins.release(folder.path).plugin is made
    with assert_num_requests(session, 1):
        made.run("say", params={"text": "x"})  # the release is known
    with pytest.raises(ValidationError, match="Use a new version"):
        session.plugins.release(folder.path)


def test_what_is_there_already(session: Session, plugin: Plugin, folder: Any) -> None:
    """A script that is run again says so to whoever wrote it, with what to do."""
    plugin.release("1.0.0", folder.path)

    with pytest.raises(ValidationError, match=r"get\('echo'\) returns an existing plugin\.$"):
        session.plugins.create(folder=folder.path)
    with pytest.raises(ValidationError, match=r"Use a new version: .* can be replaced\.$"):
        plugin.release("1.0.0", folder.path)


def test_a_zip_is_released_in_every_form(plugin: Plugin, folder: Any, tmp_path: Path) -> None:
    versions = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]
    archives = []
    for version in versions:
        folder.configure(version=version)
        archives.append(pack(folder.path, tmp_path / f"{version}.zip").path)

    plugin.release(versions[0], archives[0])
    plugin.release(versions[1], file=str(archives[1]))
    with archives[2].open("rb") as stream:
        plugin.release(versions[2], file=stream)
    plugin.release(versions[3], io.BytesIO(archives[3].read_bytes()), name="named.zip")

    kept = [release.config["version"] for release in plugin.releases.order_by("id")]
    assert kept == versions


def test_what_follows_a_files_position_is_released_as_before(
    plugin: Plugin, folder: Any, tmp_path: Path
) -> None:
    content = pack(folder.path, tmp_path / "p.zip").path.read_bytes()
    stream = io.BytesIO(b"junk" + content)
    stream.seek(4)

    release = plugin.release("1.0.0", stream, name="p.zip")

    assert release.download(tmp_path / "d.zip").read_bytes() == content


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_mistakes_are_found_before_anything_is_sent(
    session: Session, plugin: Plugin, folder: Any, tmp_path: Path, form: str
) -> None:
    folder.configure(version="2.0.0", actions={"say": {"entrypoint": "echo.tell:run"}})
    source = folder.path
    if form == "zip":
        source = tmp_path / "made.zip"
        with zipfile.ZipFile(source, "w") as archive:
            archive.write(folder.path / "config.yaml", "config.yaml")
    with assert_num_requests(session, 0), pytest.raises(PluginConfigError) as caught:
        plugin.release("1.0.0", source)

    assert list(caught.value.problems) == ["version", "actions.say.entrypoint"]
    assert caught.value.source == "config.yaml"


def test_an_unsafe_zip_is_not_sent(session: Session, plugin: Plugin, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("../x", "")
    (tmp_path / "text.zip").write_text("no zip")
    for name in ("made.zip", "text.zip"):
        with assert_num_requests(session, 0), pytest.raises(BadArchive):
            plugin.release("1.0.0", tmp_path / name)


def test_what_is_given_twice_or_not_at_all(plugin: Plugin, folder: Any) -> None:
    for options in ({}, {"source": folder.path, "file": folder.path}):
        with pytest.raises(UsageError, match="Pass one folder or zip"):
            plugin.release("1.0.0", **options)
    with pytest.raises(UsageError):
        plugin.release("1.0.0", folder.path / "none.zip")


def test_without_the_extra_the_server_alone_checks_a_zip(
    session: Session, plugin: Plugin, folder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(folder.path, tmp_path / "p.zip").path
    for module in ("yaml", "jsonschema"):
        monkeypatch.setitem(sys.modules, module, None)

    with (
        assert_num_requests(session, 0),
        pytest.raises(MissingExtra, match=r"pip install .*\[plugins\]"),
    ):
        plugin.release("1.0.0", folder.path)
    with pytest.raises(ValidationError) as caught:
        plugin.release("2.0.0", archive)
    assert caught.value.fields == {
        "file": ["config.yaml: version: '1.0.0' differs from the release's version '2.0.0'."]
    }
    assert plugin.release("1.0.0", archive).version == "1.0.0"


def test_the_server_names_every_mistake(plugin: Plugin, session: Session, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("config.json", '{"code": "parrot", "actions": {"say": {}}}')

    with pytest.raises(ValidationError) as caught:
        session.client.create_plugin_release(
            {"plugin": plugin.id, "version": "1.0.0", "file": str(tmp_path / "made.zip")}
        )
    reasons = caught.value.fields["file"]
    assert "config.json: code: 'parrot' differs from the plugin's code 'echo'." in reasons
    assert "config.json: actions.say.entrypoint: Missing." in reasons


def test_release_is_found_by_code_and_version(
    session: Session, plugin: Plugin, folder: Any
) -> None:
    release = plugin.release("1.0.0", folder.path)
    assert session.plugin_releases.get(f"{plugin.code}@{release.version}") is release


@pytest.mark.parametrize("form", ["folder", "path", "open"])
def test_credentials_are_released_only_on_demand(
    session: Session, plugin: Plugin, folder: Any, tmp_path: Path, form: str
) -> None:
    (folder.path / ".env").write_text("TOKEN=s3cret")
    archive = pack(folder.path, tmp_path / "p.zip", allow_credentials=True).path
    source = {"folder": folder.path, "path": archive, "open": io.BytesIO(archive.read_bytes())}[
        form
    ]

    with (
        assert_num_requests(session, 0),
        pytest.raises(
            UsageError, match=r"look like credentials: \.env\. Name them in .*allow_cred"
        ),
    ):
        plugin.release("1.0.0", source, name="p.zip")
    release = plugin.release("1.0.0", source, name="p.zip", allow_credentials=True)
    with zipfile.ZipFile(release.download(tmp_path / "d.zip")) as downloaded:
        assert ".env" in downloaded.namelist()


def test_a_folder_alone_has_the_version(session: Session, plugin: Plugin, folder: Any) -> None:
    with assert_num_requests(session, 1):
        assert plugin.release(folder.path).version == "1.0.0"
    assert plugin.release(folder.path, bump="minor", changelog="More.").version == "1.1.0"
    assert plugin.release(source=folder.path, bump="patch").config["version"] == "1.1.1"
    assert session.plugins.release(folder.path, bump="major").version == "2.0.0"
    assert "version: 2.0.0" in (folder.path / "config.yaml").read_text()

    folder.configure(code="other")
    with pytest.raises(PluginConfigError, match="differs from the plugin's code 'echo'"):
        plugin.release(folder.path)
    for arguments in ([folder.path, folder.path], [7, folder.path]):
        with pytest.raises(UsageError, match="Pass the version first"):
            plugin.release(*arguments)
    with pytest.raises(UsageError, match="so pass no version"):
        plugin.release("3.0.0", folder.path, bump="patch")


def test_a_refused_bump_leaves_the_configuration(plugin: Plugin, folder: Any) -> None:
    plugin.release(folder.path, bump="patch")
    folder.configure()
    before = (folder.path / "config.yaml").read_bytes()

    with pytest.raises(ValidationError, match="Use a new version"):
        plugin.release(folder.path, bump="patch")
    assert (folder.path / "config.yaml").read_bytes() == before


def test_a_debug_release_is_replaced(session: Session, plugin: Plugin, folder: Any) -> None:
    first = plugin.release(folder.path, debug=True, changelog="A trial.")
    assert (first.debug, first.is_stable) == (True, False)
    assert plugin.run("say", params={"text": "a"}).wait(60, progress=False).result == {"said": "a"}

    code = folder.path / "echo" / "say.py"
    code.write_text(code.read_text().replace('"said"', '"heard"'))
    second = plugin.release(folder.path, debug=True)
    assert second is first
    assert (second.changelog, plugin.releases.count()) == ("", 1)
    assert plugin.run("say", params={"text": "a"}).wait(60, progress=False).result == {"heard": "a"}

    final = plugin.release(folder.path)
    assert (final.debug, final.is_stable, plugin.releases.count()) == (False, True, 1)
    for debug in (False, True):
        with pytest.raises(ValidationError, match="Only debug releases can be replaced"):
            plugin.release(folder.path, debug=debug)


def test_a_run_of_a_version(session: Session, plugin: Plugin, folder: Any) -> None:
    plugin.release(folder.path)
    folder.configure(version="1.1.0", actions={"other": {"entrypoint": "echo.say:fail"}})
    plugin.release(folder.path)

    job = plugin.run("say", params={"text": "a"}, version="1.0.0")
    assert job.wait(60, progress=False).plugin_release.version == "1.0.0"
    with pytest.raises(UsageError, match=r"release 1\.1\.0: .* no action 'say'"):
        plugin.run("say", version="1.1.0")
    with pytest.raises(ValidationError, match="no release with this version"):
        plugin.run("say", version="9.9.9")
