"""The sdist and the wheel: their files, and an installation without extras."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ["setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE"]
FOLDERS = ["synapse", "examples", "tests", "docs/man"]

# Building and installing fetch the build system and the dependencies.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command far from the checkout, so that it can't import from there."""
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(sys.prefix).anchor,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    assert result.returncode == code, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and the wheel that was built from it."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", target, source)
    return target


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which only the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel)
    return programs


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    package = {
        # The names of older scripts are a package of their own, kept inside ours.
        path.relative_to(ROOT).as_posix().replace("synapse/_synapse_sdk/", "synapse_sdk/")
        for path in (ROOT / "synapse").rglob("*")
        if path.suffix in {".py", ".pyi", ".js", ".css"}
        or path.name == "py.typed"
        or ("skeletons" in path.parts and path.is_file())
    }
    examples = {
        f"synapse/{path.relative_to(ROOT)}"
        for path in (ROOT / "examples").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    (man,) = (name for name in names if name.endswith(".data/data/share/man/man1/synapse.1"))
    assert names - {man} == package | examples
    assert "synapse/emulator/migrations/0001_initial.py" in names
    assert "synapse/display/browse/browse.js" in names
    assert "synapse/plugins/skeletons/common/gitignore.txt" in names
    assert "synapse/examples/quickstart.py" in names
    assert "synapse/examples/plugins/digits/config.yaml" in names
    assert "synapse_sdk/clients/backend/__init__.py" in names


def test_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()

    assert re.search(r"^License(-Expression)?: Apache-2\.0$", text, re.MULTILINE)
    assert "\nRequires-Python: >=3.10\n" in text
    assert {line.split(": ")[1] for line in text.splitlines() if "Provides-Extra" in line} >= {
        "cli",
        "demo",
        "emulator",
        "fast",
    }


def test_sdist_holds_the_licence_and_the_changelog(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")

    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"LICENSE", "README.md", "CHANGELOG.md", "synapse/py.typed"} <= names
    assert "synapse/resources/_typed.pyi" in names
    assert "synapse/display/browse/browse.css" in names


def test_core_works_alone(installed: Path) -> None:
    script = (
        "import synapse; session = synapse.connect('http://127.0.0.1:9', 'a-token'); "
        "print(synapse.__version__, session.projects)"
    )

    result = run(installed / "python", "-c", script)

    assert result.stdout.endswith("<ProjectManager[Project]>\n")


def test_compat_package_is_installed(installed: Path) -> None:
    script = "from synapse_sdk.clients import backend; print(backend.__file__, backend.__all__)"

    output = run(installed / "python", "-c", script).stdout

    assert output.startswith(str(installed.parent))
    assert "BackendClient" in output


def test_command_names_the_missing_extra(installed: Path, wheel: Path) -> None:
    result = run(installed / "synapse", "configure", code=1)

    assert result.stdout == ""
    assert result.stderr == (
        "synapse: the command line needs typer, which isn't installed: "
        f"pip install '{wheel}[cli]'\n"
    )


def test_emulator_names_the_missing_extra(installed: Path, wheel: Path) -> None:
    script = "from synapse.emulator import Emulator; Emulator().start()"

    result = run(installed / "python", "-c", script, code=1)

    assert f"pip install '{wheel}[emulator]'" in result.stderr.splitlines()[-1]


def test_the_command_of_a_message_installs_the_extra(installed: Path) -> None:
    ask = "from synapse._internal.installation import *; print(find_unmet(list_extras()['fast']))"
    assert run(installed / "python", "-c", ask).stdout == "['orjson<4,>=3.10']\n"
    script = "from synapse.errors import MissingExtra; print(MissingExtra('It', 'fast'))"
    command = run(installed / "python", "-c", script).stdout.partition(": ")[2]

    run(installed / "python", "-m", *shlex.split(command))

    assert run(installed / "python", "-c", ask).stdout == "[]\n"


# -- Beside the platform's package ---------------------------------------------------------------


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels with a package of the platform's name and kind of version."""
    folder = tmp_path_factory.mktemp("index")
    about = "synapse_sdk-2099.12.31.dist-info"
    files = {
        "synapse_sdk/__init__.py": "",
        "synapse_sdk/plugins/__init__.py": "",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: synapse-sdk\nVersion: 2099.12.31\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / "synapse_sdk-2099.12.31-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{about}/RECORD": record}.items():
            archive.writestr(name, text)
    return folder


def test_an_upgrade_keeps_this_package(installed: Path, index: Path) -> None:
    upgrade = ("install", "--upgrade", "--no-index", "--find-links", index)

    run(installed / "python", "-m", "pip", *upgrade, "synapse-sdk")

    script = "import synapse; print(synapse.__version__)"
    assert run(installed / "python", "-c", script).stdout.startswith("1!")


def test_both_packages_in_one_environment(
    installed: Path, wheel: Path, index: Path, tmp_path: Path
) -> None:
    place = tmp_path / "both"
    into = ("install", "--quiet", "--no-deps", "--target", place)
    for package in (*index.glob("*.whl"), wheel):
        # With --target, pip neither removes the other package nor keeps its files from mixing.
        run(installed / "python", "-m", "pip", *into, "--upgrade", package)
    (place / "synapse_sdk" / "plugins").mkdir()  # --upgrade replaces whole folders

    script = f"import sys; sys.path.insert(0, {str(place)!r}); import synapse_sdk"
    result = run(installed / "python", "-c", script)

    assert "RuntimeWarning" in result.stderr
    assert f"{place / 'synapse_sdk'} has files of two packages: this SDK's, and plugins of" in (
        result.stderr
    )
