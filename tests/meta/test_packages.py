"""The build knows every package: without a line in `setup.cfg`, a package isn't installed."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_is_built() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    built = set(config["options"]["packages"].split())
    folders = {path.parent for path in (ROOT / "synapse").rglob("__init__.py")}
    # A skeleton is data; the older names are a package of their own.
    names = {
        ".".join(folder.relative_to(ROOT).parts).replace("synapse._synapse_sdk", "synapse_sdk")
        for folder in folders
        if "skeletons" not in folder.parts
    }
    assert names == built - {"synapse.examples"}


def test_every_stub_is_built() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    data = config["options.package_data"]
    for stub in (ROOT / "synapse").rglob("*.pyi"):
        package = ".".join(stub.parent.relative_to(ROOT).parts)
        assert "*.pyi" in data.get(package, ""), package
