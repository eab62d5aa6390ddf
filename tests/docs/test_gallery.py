"""Run the commands of the gallery's pages, and compare their output with the pages.

Each page has an empty folder and an empty tenant. Scripts run in this process, other commands in a
shell.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_command_pages import matches, read_session
from test_documentation import ROOT, find_blocks

from synapse.emulator import Emulator
from synapse.testing.tenants import EmulatorTenant

GALLERY = ROOT / "examples" / "gallery"
FOLDER = ROOT / "docs" / "gallery"
PAGES = sorted(page for page in FOLDER.glob("*.md") if page.stem != "index")
RAY_PAGE = "ray"  # run by tests/ray
# Commands that install something, or start a service, which a fixture does here.
NOT_RUN = {"export", "pip", "ray", "streamlit", "synapse", "uvicorn"}
SCRIPT = re.compile(r"^```\{literalinclude\} \.\./\.\./examples/gallery/(\w+)\.py$", re.MULTILINE)

pytestmark = pytest.mark.real_pauses


def find_commands(page: Path) -> list[tuple[str, list[str]]]:
    """Return the commands of a page that run here, each with its output."""
    blocks = find_blocks(page.read_text(encoding="utf-8"))
    sessions = [read_session(block.text) for block in blocks if block.language == "console"]
    return [
        command
        for session in sessions
        for command in session
        if command[0].split()[0] not in NOT_RUN
    ]


def run_script(name: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a script of the gallery as a program, and return what it prints."""
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            runpy.run_path(str(GALLERY / name), run_name="__main__")
        except SystemExit as error:
            if error.code:
                pytest.fail(f"{name} ended with {error.code}")
    return printed.getvalue()


@pytest.fixture
def synapse_backend() -> Iterator[Emulator]:
    """A backend for each test, as ids on the pages begin at 1."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def tenant(
    synapse_emulator: EmulatorTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> EmulatorTenant:
    """An empty tenant, which the environment names, and an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(GALLERY)
    monkeypatch.setenv("SYNAPSE_BASE_URL", synapse_emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", synapse_emulator.api_token)
    monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", synapse_emulator.agent_token)
    monkeypatch.setenv("WEBHOOK_SECRET", "a-secret")
    return synapse_emulator


@pytest.fixture
def service(tenant: EmulatorTenant) -> Iterator[int]:
    """The port of the webhook's service."""
    import uvicorn

    names = runpy.run_path(str(GALLERY / "webhook_service.py"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(names["app"], log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield int(listener.getsockname()[1])  # connections wait in the queue until the start
        server.should_exit = True
        thread.join()
    names["session"].close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.stem != RAY_PAGE], ids=lambda page: page.stem
)
def test_page_shows_the_output(
    page: Path,
    tenant: EmulatorTenant,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: dict[str, str] = {}
    if page.stem == "webhook":
        names["127.0.0.1:8200"] = f"127.0.0.1:{request.getfixturevalue('service')}"
    elif page.stem == "gpu_agent":
        request.getfixturevalue("synapse_agent")
    elif page.stem == "tenants":
        other = tenant.emulator.create_tenant(member=tenant.api_token)
        names = {"tenant-north": tenant.tenant, "tenant-south": other.tenant}
    for line, expected in find_commands(page):
        command = line
        for shown, real in names.items():
            command = command.replace(shown, real)
        program, *words = shlex.split(command)
        if program == "python" and words[0] != "-c":
            printed = run_script(words[0], words[1:], monkeypatch)
        else:
            environment = {
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
                "PYTHONPATH": os.pathsep.join([str(GALLERY), *sys.path]),
            }
            done = subprocess.run(
                ["sh", "-c", command.replace(" test_", f" --rootdir . {GALLERY}/test_")],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            printed = done.stdout + done.stderr
        for shown, real in names.items():
            printed = printed.replace(real, shown)
        assert matches(expected, printed), f"{page.name}: {line}\nprints\n{printed}"


def test_each_page_shows_commands_and_a_script() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert SCRIPT.search(text), page
        assert find_commands(page), page


def test_each_script_is_on_one_page_and_each_page_in_the_index() -> None:
    shown = [
        name for page in FOLDER.glob("*.md") for name in SCRIPT.findall(page.read_text("utf-8"))
    ]
    assert sorted(shown) == sorted(path.stem for path in GALLERY.glob("*.py"))

    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert len(PAGES) >= 12
    for page in PAGES:
        assert re.search(rf"^\| \[.+\]\({page.name}\) \| .+ \|", index, re.MULTILINE), page
        assert f"\n{page.stem}\n" in index


@pytest.mark.slow
def test_dashboard_loads_its_numbers(
    tenant: EmulatorTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_script("sample_data.py", [], monkeypatch)

    numbers = runpy.run_path(str(GALLERY / "dashboard.py"))["load"]("Streets")

    assert (numbers["share"], numbers["done"], numbers["left"]) == (0.5, 12, 12)
    assert numbers["classes"]["annotations"].tolist() == [6, 6]


@pytest.mark.slow
def test_service_refuses_a_wrong_secret(service: int, tenant: EmulatorTenant) -> None:
    import requests

    url = f"http://127.0.0.1:{service}/pictures/one.png"
    answer = requests.post(url, b"content", headers={"X-Secret": "other"}, timeout=30)

    assert answer.status_code == 403
    assert tenant.session().data_units.count() == 0
