"""What Ray is given to install for a release."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from synapse.jobs.ray.requirements import adapt_requirements

HERE = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("wheels/a-1.0-py3-none-any.whl", "")
        made.writestr("b-1.0.tar.gz", "")
        made.writestr("lib/setup.py", "")
        made.writestr("more.txt", "")
        made.writestr("numpy/notes.txt", "")
        made.writestr("requirements.txt", "scipy>=1 \\\n  ,<2  # for later\n\n# all\n-r more.txt\n")
    return path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("./wheels/a-1.0-py3-none-any.whl", f"{HERE}/wheels/a-1.0-py3-none-any.whl"),
        ("wheels/a-1.0-py3-none-any.whl[x]", f"{HERE}/wheels/a-1.0-py3-none-any.whl[x]"),
        ("b-1.0.tar.gz ; python_version > '3'", f"{HERE}/b-1.0.tar.gz ; python_version > '3'"),
        ("./lib", f"{HERE}/lib"),
        ("./", HERE + "/."),
        ("-r more.txt", f"-r {HERE}/more.txt"),
        ("--constraint=more.txt", f"--constraint {HERE}/more.txt"),
        ("--find-links wheels", f"--find-links {HERE}/wheels"),
    ],
)
def test_what_is_in_the_release(archive: Path, line: str, expected: str) -> None:
    made = adapt_requirements([line], archive, "abc")

    assert made[0].replace("/.", "") == expected.replace("/.", "")
    assert made[1:] == ["# of the release abc"]


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=1.5,<2",
        "numpy @ https://example.org/numpy-1.0-py3-none-any.whl",
        "./nowhere.whl",
        "--no-index",
        "--index-url https://example.org/simple",
    ],
)
def test_what_is_elsewhere(archive: Path, line: str) -> None:
    assert adapt_requirements([line], archive, "abc") == [line]


def test_listed_in_a_file(archive: Path) -> None:
    assert adapt_requirements([], archive, "abc") == [
        "scipy>=1    ,<2",
        f"-r {HERE}/more.txt",
        "# of the release abc",
    ]
