"""Releases that require something: installed once, from the release itself; no index is asked."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse.jobs.local.engine import Engine
from synapse.jobs.spec import JobSpec, Outcome, ReleaseFile

from .conftest import Listener, zipped

pytestmark = pytest.mark.slow

Run = Callable[..., Any]
Release = Callable[..., ReleaseFile]

WHEEL = "wheels/synapse_tried_part-1.0-py3-none-any.whl"
HERE = ["--no-index", f"./{WHEEL}"]
SOURCE = """
import sys, synapse_tried_part, attrs, synapse
def run(): print(synapse_tried_part.NAME, synapse_tried_part.__file__, sys.prefix)
"""


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def wheel() -> bytes:
    about = "synapse_tried_part-1.0.dist-info"
    return zipped(
        {
            "synapse_tried_part.py": "NAME = 'installed'",
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: synapse-tried-part\nVersion: 1.0\n",
            f"{about}/WHEEL": (
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            ),
            f"{about}/RECORD": "",
        }
    )


def test_two_jobs_of_one_release_install_it_once(
    run: Run, release: Release, tmp_path: Path
) -> None:
    made = release(SOURCE, {WHEEL: wheel()}, install=True, requirements=HERE)
    jobs = [run(made) for _ in range(2)]

    assert [job.end() for job in jobs] == [Outcome("completed")] * 2
    answers = [job.messages[-1].split() for job in jobs]
    _, file, _ = answers[0]
    assert {tuple(answer[:2]) for answer in answers} == {("installed", file)}
    assert Path(file).is_relative_to(tmp_path / "engine" / "releases" / made.checksum)
    assert len({prefix for _, _, prefix in answers}) == 2
    said = [any("Successfully installed" in text for text in job.messages) for job in jobs]
    assert sorted(said) == [False, True]

    again = run(made)
    assert again.end() == Outcome("completed")
    assert [text.split()[:2] for text in again.messages] == [["installed", file]]


def test_the_file_of_requirements(run: Run, release: Release) -> None:
    files = {WHEEL: wheel(), "requirements.txt": f"./{WHEEL}\n"}
    job = run(release(SOURCE, files, install=True))

    assert job.end() == Outcome("completed")
    assert job.messages[-1].startswith("installed ")


def test_what_is_there_already_is_not_installed(run: Run, release: Release) -> None:
    job = run(
        release("import attrs\ndef run(): print('fine')", install=True, requirements=["attrs>=20"])
    )

    assert job.end() == Outcome("completed")
    assert any("already satisfied: attrs" in text for text in job.messages)


def test_failing_to_install_fails_the_job(run: Run, release: Release) -> None:
    job = run(release("def run(): ...", install=True, requirements=["synapse-no-such-thing"]))

    outcome = job.end()
    assert (outcome.status, outcome.reason) == (
        "failed",
        (
            "The requirements could not be installed: "
            "ERROR: No matching distribution found for synapse-no-such-thing."
        ),
    )
    assert any("Could not find a version" in text for text in job.messages)


def test_stopped_while_it_installs_and_installed_by_the_next(
    run: Run, release: Release, engine: Engine
) -> None:
    made = release(SOURCE, {WHEEL: wheel()}, install=True, requirements=HERE)
    first, second = run(made), run(made)
    first.has_started.wait(30)
    engine.stop(first.job_id)

    assert first.end() == Outcome("stopped", "It was stopped.")
    assert second.end() == Outcome("completed")


def test_installing_counts_for_the_time(run: Run, release: Release) -> None:
    made = release(SOURCE, {WHEEL: wheel()}, install=True, requirements=HERE)

    assert run(made, limits={"timeout": 0.3}).end() == Outcome(
        "failed", "It ran for longer than 0.3 s."
    )


# A package whose build prints what it sees; the second builds with a package of its own.
BUILD = """
import json, os, pathlib
names = sorted(name for name in os.environ if "secret" in os.environ[name])
told = [names, str(pathlib.Path.home()), os.path.exists(os.path.expanduser("~/.netrc"))]
open({told!r}, "a").write(json.dumps(told) + "\\n")
"""
BACKEND = """
import base64, hashlib, zipfile
exec(open("told.py").read())
def build_wheel(folder, settings=None, metadata=None):
    name = "{name}-1.0-py3-none-any.whl"
    about = "{name}-1.0.dist-info"
    with zipfile.ZipFile(folder + "/" + name, "w") as archive:
        archive.writestr("{name}.py", "NAME = 'built'")
        archive.writestr(about + "/METADATA",
                         "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        archive.writestr(about + "/WHEEL",
                         "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(about + "/RECORD", "")
    return name
"""


def sdist(name: str, told: Path, requires: str = "") -> dict[str, str]:
    """Return the files of a package with a build backend of its own."""
    project = f"""
[build-system]
requires = [{requires}]
build-backend = "backend"
backend-path = ["."]
"""
    return {
        f"{name}/pyproject.toml": project,
        f"{name}/told.py": BUILD.format(told=str(told)),
        f"{name}/backend.py": BACKEND.format(name=name),
    }


@pytest.fixture
def secret_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The server's home and settings, with credentials."""
    home = tmp_path / "server-home"
    home.mkdir()
    (home / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "secret-config"))
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://user:secret@127.0.0.1:9/")
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "secret")
    return home


@pytest.mark.usefixtures("secret_home")
def test_code_that_is_built_at_install_sees_no_setting_of_pip(
    run: Run, release: Release, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    inner = tmp_path / "inner"
    inner.mkdir()
    for name, content in sdist("synapse_tried_inner", told).items():
        path = inner / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    requires = f'"synapse_tried_inner @ file://{inner / "synapse_tried_inner"}"'
    made = release(
        "import synapse_tried_outer\ndef run(): print(synapse_tried_outer.NAME)",
        sdist("synapse_tried_outer", told, requires),
        install=True,
        requirements=["./synapse_tried_outer"],
    )

    job = run(made)

    assert job.end() == Outcome("completed"), os.linesep.join(job.messages)
    assert job.messages[-1] == "built"
    answers = [json.loads(line) for line in told.read_text().splitlines()]
    assert len(answers) >= 2  # of both packages
    jobs = tmp_path / "engine" / "jobs"
    for names, home, has_netrc in answers:
        assert (names, has_netrc) == ([], False)
        assert Path(home).is_relative_to(jobs)


def test_pip_itself_has_its_settings(
    run: Run, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / Path(WHEEL).name).write_bytes(wheel())
    home = tmp_path / "home"
    config = home / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text(f"[install]\nfind-links = {links}\n")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)

    job = run(release(SOURCE, install=True, requirements=["synapse-tried-part"]))

    assert job.end() == Outcome("completed"), os.linesep.join(job.messages)
    assert job.messages[-1].startswith("installed ")


def test_files_of_the_release_replace_no_module_of_pip(run: Run, release: Release) -> None:
    broken = "raise RuntimeError('not this one')"
    names = ("json", "queue", "venv", "types", "pip", "subprocess")
    files = {WHEEL: wheel(), **{f"{name}.py": broken for name in names}}

    job = run(release(SOURCE, files, install=True, requirements=HERE))

    assert job.end() == Outcome("completed"), os.linesep.join(job.messages)


def test_only_pip_knows_where_packages_come_from(
    run: Run, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "http://user:secret@127.0.0.1:9/")
    made = release(
        "import os\ndef run(): print(sorted(name for name in os.environ if 'PIP' in name))",
        {WHEEL: wheel()},
        install=True,
        requirements=["--no-index", "--find-links wheels", f"./{WHEEL}"],
    )

    job = run(made)
    assert job.end() == Outcome("completed"), os.linesep.join(job.messages)
    assert job.messages[-1] == "[]"


# What jobs install, and what they change


INSTALL = """
import subprocess, sys
def run(context):
    try:
        import synapse_tried_part
        print("there already")
    except ModuleNotFoundError:
        pass
    subprocess.run({command}, check=True, stdout=subprocess.DEVNULL)
    source = "import synapse_tried_part as part; print(part.NAME, part.__file__)"
    subprocess.run([sys.executable, "-c", source], check=True)
"""
COMMANDS = [
    '[sys.executable, "-m", "pip", "install", "--no-index", "./{wheel}"]',
    '["pip", "install", "--no-index", "./{wheel}"]',
    '["pip3", "install", "--no-index", "./{wheel}"]',
    '["python", "-m", "pip", "install", "--no-index", "./{wheel}"]',
    '["python3", "-m", "pip", "install", "--no-index", "./{wheel}"]',
]


@pytest.mark.parametrize(
    ("command", "install"),
    [*((command, False) for command in COMMANDS), (COMMANDS[0], True), (COMMANDS[1], True)],
)
def test_what_a_job_installs_is_its_own(
    run: Run, release: Release, tmp_path: Path, command: str, install: bool
) -> None:
    source = INSTALL.format(command=command.format(wheel=WHEEL))
    made = release(source, {WHEEL: wheel()}, install=install, requirements=["attrs"])

    for _ in range(2):
        job = run(made)

        assert job.end() == Outcome("completed"), os.linesep.join(job.messages)
        name, file = job.messages[-1].split()
        assert name == "installed"
        assert Path(file).is_relative_to(tmp_path / "engine" / "jobs" / job.job_id)
        assert "there already" not in job.messages
        assert not Path(file).exists()
    assert importlib.util.find_spec("synapse_tried_part") is None


def test_job_can_not_remove_a_package_of_the_server(run: Run, release: Release) -> None:
    import cachetools

    made = release(
        """
        import subprocess, sys
        def run():
            command = [sys.executable, "-m", "pip", "uninstall", "--yes", "cachetools"]
            subprocess.run(command, stderr=subprocess.STDOUT)
            import cachetools
            print(cachetools.__file__)
        """
    )

    job = run(made)

    assert job.end() == Outcome("completed")
    assert job.messages[-1] == cachetools.__file__
    assert Path(cachetools.__file__).exists()


CHANGE = """
import pathlib, synapse_tried_part
def run(context):
    path = pathlib.Path(synapse_tried_part.__file__)
    print(synapse_tried_part.NAME)
    try:
        {change}
        print("changed")
    except PermissionError:
        print("refused")
"""
CHANGES = [
    'path.write_text("NAME = 1")',
    "path.unlink()",
    'path.with_name("sitecustomize.py").write_text("raise SystemExit(9)")',
    'path.with_name("attrs.py").symlink_to("/etc/hosts")',
    'other = path.with_name("other"); path.rename(other); other.rename(path)',
    "path.chmod(0o600); path.write_text(\"NAME = 'installeD'\")",
]


@pytest.mark.parametrize("change", CHANGES)
def test_job_can_not_change_the_kept_environment_of_the_next(
    run: Run, release: Release, change: str
) -> None:
    made = release(CHANGE.format(change=change), {WHEEL: wheel()}, install=True, requirements=HERE)

    for _ in range(2):
        job = run(made)

        assert job.end() == Outcome("completed"), os.linesep.join(job.messages)
        assert job.messages[-2] == "installed"
        # The superuser isn't refused: then the next job gets a new environment.
        assert job.messages[-1] in ("refused", "changed")
    assert any("Successfully installed" in text for text in job.messages) == (
        job.messages[-1] == "changed"
    )


def test_unchanged_environment_is_used_again_by_another_engine(
    run: Run, release: Release, engine: Engine, tmp_path: Path
) -> None:
    made = release(SOURCE, {WHEEL: wheel()}, install=True, requirements=HERE)
    assert run(made).end() == Outcome("completed")
    engine.close()
    listener = Listener()
    order = JobSpec(
        job_id="again",
        release=made,
        action="train",
        params={},
        base_url="http://127.0.0.1:9",
        credentials={},
    )

    other = Engine(tmp_path / "engine")
    other.submit(order, listener)

    assert listener.end() == Outcome("completed")
    assert len(listener.messages) == 1  # nothing was installed
    other.close()
    shutil.rmtree(tmp_path / "engine" / "releases")


def test_not_asked_for_it_is_not_installed(run: Run, release: Release) -> None:
    job = run(release("def run(): print('fine')", requirements=["synapse-no-such-thing"]))

    assert job.end() == Outcome("completed")
    assert job.messages == ["fine"]


def test_another_version_than_the_runners_leaves_that_alone(run: Run, release: Release) -> None:
    import cachetools

    about = "cachetools-5.99.dist-info"
    name = "cachetools-5.99-py3-none-any.whl"
    other = zipped(
        {
            "cachetools/__init__.py": "__version__ = 'its own'",
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: cachetools\nVersion: 5.99\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }
    )
    job = run(
        "import cachetools\ndef run(): print(cachetools.__version__)",
        files={name: other},
        install=True,
        requirements=["--no-index", f"./{name}"],
    )

    assert job.end() == Outcome("completed")
    assert job.messages[-1] == "its own"
    assert Path(cachetools.__file__).exists()
