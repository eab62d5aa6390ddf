"""Releases of plugins."""

import json

from .client import sha256
from .releasing import release, zipped


def test_release(api, plugin):
    content = zipped(
        config__json=json.dumps({"code": "x", "emoji": "😀"}), README__md="# Finds people"
    )
    made = release(api, plugin["id"], content=content, changelog="first").json()
    assert made == {
        "id": made["id"],
        "plugin": plugin["id"],
        "version": "1.0.0",
        "changelog": "first",
        "is_stable": True,
        "debug": False,
        "config": {"code": "x", "emoji": "😀"},
        "file": made["file"],
        "readme": "# Finds people",
        "created": made["created"],
        "updated": made["updated"],
    }
    assert made["file"].startswith(f"{api.url}/files/{sha256(content)}/detector.zip?signature=")
    assert api.get(made["file"]).content == content
    assert api.get(f"plugin_releases/{made['id']}/").json() == made
    assert api.get("plugin_releases/", plugin=plugin["id"]).json()["results"] == [made]
    expanded = api.get(f"plugin_releases/{made['id']}/", expand="plugin").json()["plugin"]
    assert (expanded["code"], expanded["version"]) == ("person-detector", "1.0.0")


def test_the_newest_release_gives_the_plugin_its_version(api, plugin):
    for version in ("2.0.0", "1.5.0"):
        assert release(api, "person-detector", version, is_stable="false").status_code == 201
    assert api.get("plugins/person-detector/").json()["version"] == "1.5.0"
    assert api.ids("plugins/", version="1.5.0") == [plugin["id"]]
    assert api.ids("plugin_releases/", is_stable="true") == []


def test_a_version_is_released_once(api, plugin):
    release(api, plugin["id"])
    response = release(api, plugin["code"])
    assert response.json() == {"version": ["The plugin has a release with this version already."]}
    assert release(api, api.plugin("b")["id"]).status_code == 201


def test_a_debug_release_is_replaced_until_a_final_one(api, plugin):
    first = release(api, plugin["id"], changelog="a trial", debug="true", is_stable="false").json()
    release(api, plugin["id"], "2.0.0")
    content = zipped(README__md="# Second")
    second = release(api, plugin["code"], content=content, debug="true").json()
    assert (second["id"], second["debug"]) == (first["id"], True)
    assert (second["changelog"], second["readme"], second["is_stable"]) == ("", "# Second", True)
    assert api.get(second["file"]).content == content
    assert api.get("plugins/person-detector/").json()["version"] == "1.0.0"

    final = release(api, plugin["id"])
    assert (final.status_code, final.json()["id"], final.json()["debug"]) == (
        201,
        first["id"],
        False,
    )
    for debug in ("true", "false"):
        assert release(api, plugin["id"], debug=debug).json() == {
            "version": ["The plugin has a release with this version already."]
        }
    assert len(api.ids("plugin_releases/", plugin=plugin["id"])) == 2


def test_bad_releases(api, other, plugin):
    response = release(api, other.plugin("theirs")["code"])
    assert response.json() == {"plugin": ['Invalid pk "theirs" - object does not exist.']}
    for name in ("0", "a\x00b", "a b"):
        assert list(release(api, name).json()) == ["plugin"]
    assert list(api.post("plugin_releases/", {}).json()) == ["file"]
    body = {"plugin": plugin["id"], "version": "1", "file": "text"}
    assert list(api.post("plugin_releases/", body).json()) == ["file"]
