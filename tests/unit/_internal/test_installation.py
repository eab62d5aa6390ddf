"""The commands that install an extra, by how the package was installed; mixed packages."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse._internal import installation
from synapse._internal.installation import (
    describe_installation,
    find_foreign_files,
    find_unmet,
    install_command,
    list_extras,
    list_other_distributions,
    warn_about_mixed_files,
)

REQUIREMENTS = """\
Requires-Dist: requests<3,>=2.32
Requires-Dist: present-lib>=1; extra == "images"
Requires-Dist: no-such-pillow>=10.4; extra == "images"
Requires-Dist: no-such-toml>=2; python_version < "3.11" and extra == "cli"
Requires-Dist: no-such-posix; (os_name == "posix") and extra == "cli"
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install the package into a folder of its own, and return the folder."""
    place = tmp_path / "site-packages"
    present = place / "present_lib-2.0.dist-info" / "METADATA"
    present.parent.mkdir(parents=True)
    present.write_text("Metadata-Version: 2.1\nName: present-lib\nVersion: 2.0\n")
    monkeypatch.setattr(installation, "_ROOT", place)
    # The checkout's folder has metadata, too, once it is installed.
    standard = [
        path
        for path in sys.path
        if "-packages" not in path and not any(Path(path or ".").glob("*.egg-info"))
    ]
    monkeypatch.setattr(sys, "path", [str(place), str(place), *standard])

    def install(
        direct_url: Any = None,
        installer: str = "pip",
        files: tuple[str, ...] = ("synapse/_version.py",),
        version: str = "1!0.1.0",
    ) -> Path:
        about = place / f"synapse_sdk-{version}.dist-info"
        about.mkdir(parents=True)
        header = f"Metadata-Version: 2.1\nName: synapse-sdk\nVersion: {version}\n"
        (about / "METADATA").write_text(header + REQUIREMENTS, encoding="utf-8")
        (about / "RECORD").write_text("".join(f"{name},,\n" for name in files), encoding="utf-8")
        for name in files:  # newer Pythons leave out what is missing
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).touch()
        (about / "INSTALLER").write_text(f"{installer}\n", encoding="utf-8")
        if direct_url is not None:
            text = direct_url if isinstance(direct_url, str) else json.dumps(direct_url)
            (about / "direct_url.json").write_text(text, encoding="utf-8")
        return place

    return install


def make_checkout(folder: Path) -> Path:
    (folder / "synapse" / "_synapse_sdk").mkdir(parents=True)
    text = "[options.extras_require]\nnot-there =\n    no-such-a >=1,<2\nall =\n    %(not-there)s\n"
    (folder / "setup.cfg").write_text(text, encoding="utf-8")
    return folder


class TestCommand:
    def test_of_a_checkout(
        self, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_checkout(tmp_path / "it's mine")
        monkeypatch.setattr(installation, "_ROOT", folder)

        assert install_command("all") == f"pip install -e '{tmp_path}/it'\"'\"'s mine[all]'"
        assert describe_installation() == f"the checkout {folder}"
        assert list_extras() == {"not-there": ("no-such-a>=1,<2",), "all": ("no-such-a>=1,<2",)}

    def test_of_a_checkout_by_uv(
        self, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_checkout(tmp_path / "work")
        (folder / "synapse" / "_version.py").touch()
        install({"url": folder.as_uri(), "dir_info": {"editable": True}}, installer="uv", files=())
        monkeypatch.setattr(installation, "_ROOT", folder)

        assert install_command("all") == f"uv pip install -e '{folder}[all]'"

    def test_of_a_folder_that_was_copied(self, install: Install, tmp_path: Path) -> None:
        folder = make_checkout(tmp_path / "work")
        install({"url": folder.as_uri(), "dir_info": {}})

        assert install_command("cli") == f"pip install '{folder}[cli]'"

    def test_of_a_wheel(self, install: Install, tmp_path: Path) -> None:
        wheel = tmp_path / "synapse_sdk-1!0.1.0-py3-none-any.whl"
        wheel.touch()
        place = install({"url": wheel.as_uri(), "archive_info": {}})

        assert install_command("cli") == f"pip install '{wheel}[cli]'"
        assert describe_installation() == f"{wheel}, in {place}"

    def test_of_a_wheel_that_is_gone(self, install: Install, tmp_path: Path) -> None:
        install({"url": (tmp_path / "gone.whl").as_uri(), "archive_info": {}})

        assert install_command("images") == "pip install 'no-such-pillow>=10.4'"

    def test_of_a_repository(self, install: Install) -> None:
        info = {"vcs": "git", "commit_id": "abc123"}
        url = "https://git.example.com/sdk"
        install({"url": url, "vcs_info": info, "subdirectory": "python"})

        target = f"synapse-sdk[cli] @ git+{url}@abc123#subdirectory=python"
        assert install_command("cli") == f"pip install '{target}'"

    def test_of_a_repository_with_a_password(self, install: Install) -> None:
        info = {"vcs": "git", "commit_id": "abc123"}
        install({"url": "https://me:s3cret@git.example.com/sdk", "vcs_info": info})

        assert install_command("images") == "pip install 'no-such-pillow>=10.4'"
        assert describe_installation().startswith("https://***@git.example.com/sdk, in ")

    @pytest.mark.parametrize("direct_url", [None, "{", "[]", {"url": 3}])
    def test_of_an_index_names_the_libraries(self, install: Install, direct_url: Any) -> None:
        place = install(direct_url)

        assert install_command("images") == "pip install 'no-such-pillow>=10.4'"
        if not isinstance(direct_url, dict):
            assert describe_installation() == f"a package index, in {place}"

    def test_without_metadata(self, install: Install) -> None:
        assert install_command("cli") == (
            "install this SDK again with the extra 'cli', from the same source as before"
        )
        assert describe_installation().startswith("files that no installer knows, in ")

    def test_on_windows_has_double_quotes(
        self, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install()
        monkeypatch.setattr(installation, "os", type("os", (), {"name": "nt"}))

        assert install_command("images") == 'pip install "no-such-pillow>=10.4"'


class TestRequirements:
    def test_of_metadata_keep_other_markers(self, install: Install) -> None:
        install()

        assert list_extras()["cli"] == (
            'no-such-toml>=2; python_version < "3.11"',
            'no-such-posix; os_name == "posix"',
        )

    @pytest.mark.parametrize("has_packaging", [True, False])
    def test_unmet(self, has_packaging: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        if not has_packaging:
            monkeypatch.setitem(sys.modules, "packaging.requirements", None)
        met = ["attrs>=23.2", 'no-such-toml; python_version < "3.0"']
        unmet = ["no-such-a>=1", 'no-such-b[x]; python_version < "4.0"']

        assert find_unmet([*met, *unmet]) == unmet

    def test_another_version_is_unmet(self) -> None:
        assert find_unmet(["attrs>=9999"]) == ["attrs>=9999"]


class TestMixedPackages:
    def test_the_folder_has_only_own_files(self) -> None:
        folder = Path(installation.__file__).parents[1] / "_synapse_sdk"
        assert sorted(one.name for one in folder.iterdir() if one.name != "__pycache__") == [
            *("__init__.py", "clients", "exceptions.py", "py.typed")
        ]
        assert find_foreign_files(folder) == []

    def test_files_of_another_package(self, tmp_path: Path) -> None:
        for name in ("clients", "plugins", ".idea", "__pycache__"):
            (tmp_path / name).mkdir()
        for name in ("__init__.py", "cli.py", "notes.txt"):
            (tmp_path / name).touch()

        with pytest.warns(RuntimeWarning, match=r"and cli\.py, plugins of another one\. Run `pip"):
            warn_about_mixed_files(tmp_path)

    def test_own_files_do_not_warn(self, tmp_path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn_about_mixed_files(tmp_path)
            warn_about_mixed_files(tmp_path / "missing")

    def test_the_other_distribution_is_named(self, install: Install) -> None:
        install()
        place = install(files=("synapse_sdk/__init__.py",), version="2026.2.17")

        assert list_other_distributions() == [f"synapse-sdk 2026.2.17 in {place}"]
