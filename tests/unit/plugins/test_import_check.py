"""Imports of entrypoints in a child process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synapse.plugins import import_check
from synapse.plugins.import_check import ImportOutcome, try_imports

RUN = "def run(context): ...\n"


def write(folder: Path, **modules: str) -> list[str]:
    """Write modules, and return an entrypoint for each."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return [f"{name}:run" for name in modules]


def try_modules(folder: Path, timeout: float = 30.0, **modules: str) -> dict[str, ImportOutcome]:
    """Return the outcome of importing each module, by its name."""
    found = try_imports(folder, write(folder, **modules), env={"SIZE": "5"}, timeout=timeout)
    return {entrypoint.partition(":")[0]: outcome for entrypoint, outcome in found.items()}


def test_each_entrypoint_has_its_own_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_SHELL", "1")
    outcomes = try_modules(
        tmp_path,
        timeout=1000,  # the child must not wait for the last module's thread
        good="import os\nprint(os.environ['SIZE'])\n" + RUN,
        leaves="import os\nos._exit(7)\n",
        killed="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
        ends="import sys\nsys.exit(0)\n",
        shell="import os\nos.environ['OF_THE_SHELL']\n" + RUN,
        syntax="def run(:\n",
        after="import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n" + RUN,
    )

    assert {name: outcome.reason for name, outcome in outcomes.items()} == {
        "good": None,
        "leaves": "The import ended the process with exit code 7.",
        "killed": "The import ended the process by signal 9.",
        "ends": "The module 'ends' ends the process when it is imported.",
        "shell": "The module 'shell' can't be imported: KeyError: 'OF_THE_SHELL'",
        "syntax": "The module 'syntax' can't be imported: SyntaxError: invalid syntax "
        "(syntax.py, line 1)",
        "after": None,
    }
    assert (outcomes["shell"].place, outcomes["syntax"].place) == ("shell.py:2", "syntax.py:1")
    assert not list(tmp_path.glob("**/__pycache__"))


@pytest.mark.slow
def test_an_endless_import_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    child = (
        "import subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\n"
        "away = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"open({str(pids)!r}, 'w').write(f'{{child.pid}} {{away.pid}}')\n"
    )

    outcomes = try_modules(tmp_path, timeout=10, slow=child + "time.sleep(600)\n", good=RUN)

    assert outcomes["slow"].reason is not None
    assert "took more than 10 s" in outcomes["slow"].reason
    assert outcomes["good"].reason is None
    for pid in pids.read_text().split():
        status = Path(f"/proc/{pid}/stat")
        assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_all_missing_packages_are_found(tmp_path: Path) -> None:
    source = (
        "import absent_one.deep as one\nfrom absent_two import layer, Base\n"
        "try:\n    import absent_fast\nexcept ImportError:\n    absent_fast = None\n"
        "assert absent_fast is None\n"
        "class Net(Base, one.Module): ...\n@layer(size=1)\n@one.no_grad\n"
    )
    outcomes = try_modules(
        tmp_path,
        several=source + RUN,
        wrong="import absent_one\ndef run(params): ...\n",
        unclear="import absent_one\nassert absent_one.size > 3\n" + RUN,
        alone="import absent_fast\n" + RUN,
    )

    assert outcomes["several"] == ImportOutcome(missing=("absent_one", "absent_two"))
    assert outcomes["wrong"].missing == ("absent_one",)
    assert "'params' gets the job's context" in (outcomes["wrong"].reason or "")
    assert outcomes["unclear"] == ImportOutcome(missing=("absent_one",))
    assert outcomes["alone"] == ImportOutcome(missing=("absent_fast",))


def test_installed_packages_are_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "once_only.py").write_text(
        "import sys\nassert not hasattr(sys, 'once_only'), 'loaded twice'\nsys.once_only = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin" / "part.py").write_text("import once_only\nimport absent_one\n")

    outcomes = try_modules(
        tmp_path / "plugin",
        first="import part, absent_two\n" + RUN,
        second="import once_only, part\n" + RUN,
    )

    assert outcomes["first"] == ImportOutcome(missing=("absent_one", "absent_two"))
    assert outcomes["second"] == ImportOutcome(missing=("absent_one",))


def test_part_of_an_installed_package(tmp_path: Path) -> None:
    outcome = try_modules(tmp_path, part="import attrs.nothing\n" + RUN)["part"]

    assert outcome.missing == ()
    assert "needs 'attrs.nothing', which isn't installed" in (outcome.reason or "")


def test_the_folder_is_found_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "json.py").write_text("raise RuntimeError('not the standard one')\n")

    outcomes = try_modules(tmp_path, here="import os\nassert os.getcwd() == __file__[:-8]\n" + RUN)

    assert outcomes["here"].reason is None
    assert Path.cwd() == tmp_path / "elsewhere"
    assert "here" not in os.environ


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_module_that_forks_reports_once(tmp_path: Path) -> None:
    # The parent waits, so that both would report.
    forks = "import os\nchild = os.fork()\nif child: os.waitpid(child, 0)\n" + RUN

    assert try_modules(tmp_path, forks=forks) == {"forks": ImportOutcome()}


@pytest.mark.parametrize(
    "content",
    ["b'garbage'", "b'\\xff'", "b'{}'", "b'[1]'", "b'[' * 10**6", "b'{\"missing\": 5}'", "None"],
)
def test_a_module_that_writes_the_report(tmp_path: Path, content: str) -> None:
    forge = (
        "import json, os, sys\n"
        "path = next(json.loads(each)['report'] for each in sys.argv if each[:1] == '{')\n"
        f"content = {content}\n"
        "os.unlink(path) if content is None else open(path, 'wb').write(content)\n"
        "os._exit(0)\n"
    )
    found = try_modules(tmp_path, forge=forge)
    assert found["forge"].reason == "The import ended the process with exit code 0."


def test_more_outcomes_than_modules(tmp_path: Path) -> None:
    line = '{"reason": null, "place": "", "missing": []}\n'
    report = tmp_path / "report"
    report.write_text(5 * line)
    assert import_check._read_report(report, 2) == [ImportOutcome()] * 2


def test_a_reason_of_megabytes_is_cut(tmp_path: Path) -> None:
    [outcome] = try_modules(tmp_path, long="raise ValueError('x' * 10**7)\n").values()
    assert 1000 < len(outcome.reason or "") <= 2000
