"""A real notebook with real outputs, in JupyterLab in a headless Chromium.

`make test-notebooks` runs these tests; `make test` doesn't, because they need a browser. The
screenshots stay in `build/notebooks`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from lab import PICTURES, Lab
from nbclient import NotebookClient
from nbformat.sign import NotebookNotary
from samples import CELLS, add_samples
from selenium import webdriver

import synapse
from synapse.emulator import Emulator


def find_program(name: str) -> str:
    """Return the path of a program, or fail the run with what to install."""
    path = shutil.which(name)
    if path is None:
        pytest.exit(f"No {name} was found. On Debian: apt-get install chromium chromium-driver", 1)
    return path


@pytest.fixture(autouse=True)
def always_a_timeout() -> None:
    """Look at no request: the ones here are those of the browser's driver."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def environment(folder: Path) -> dict[str, str]:
    """The environment of kernels and of the server, apart from the user's settings."""
    names = ("CONFIG", "DATA", "RUNTIME")
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in names}
    own["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
    own["IPYTHONDIR"] = str(folder / "ipython")
    own["XDG_CACHE_HOME"] = str(folder / "cache")
    return {**os.environ, **own}


@pytest.fixture(scope="session")
def notebook(
    browser: webdriver.Chrome, folder: Path, environment: dict[str, str]
) -> nbformat.NotebookNode:
    """An executed notebook, if there is a browser to look at it."""
    with Emulator() as emulator:
        with synapse.Session(emulator.url, emulator.api_token) as session:
            add_samples(session, folder)
        written = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in CELLS],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        settings = {"SYNAPSE_BASE_URL": emulator.url, "SYNAPSE_API_TOKEN": emulator.api_token}
        client = NotebookClient(written, timeout=120, kernel_name="python3")
        executed: nbformat.NotebookNode = client.execute(env={**environment, **settings})
    return executed


@pytest.fixture(scope="session")
def lab(
    folder: Path, environment: dict[str, str], notebook: nbformat.NotebookNode
) -> Iterator[Lab]:
    """JupyterLab with the notebook, once trusted and once not."""
    notebooks = folder / "files"
    notebooks.mkdir()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", folder / "settings")
    nbformat.write(notebook, notebooks / lab.trusted)
    # Trust is by content, so the other one must differ.
    other = nbformat.from_dict({**notebook, "metadata": {**notebook.metadata, "author": "other"}})
    nbformat.write(other, notebooks / lab.untrusted)
    lab.write("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
    lab.write("notebook-extension/tracker", {"windowingMode": "none"})
    options = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--allow-root"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={notebooks}"]
    # Tests of live widgets run cells by the application's commands.
    options += ["--ServerApp.disable_check_xsrf=True", "--expose-app-in-browser"]
    log = (folder / "lab.log").open("wb")
    command = [sys.executable, "-m", "jupyterlab", *options]
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=notebooks)
    try:
        wait_for(f"{lab.url}/api/status", server, folder / "lab.log")
        sign(notebooks / lab.trusted, folder / "data")
        yield lab
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def sign(path: Path, data: Path) -> None:
    """Trust a notebook, as its user's own run would."""
    notary = NotebookNotary(data_dir=str(data))
    try:
        notary.sign(nbformat.read(path, as_version=4))
    finally:
        notary.store.close()


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + 90
    while not answers(url):
        if server.poll() is not None or time.monotonic() > end:
            pytest.fail(f"JupyterLab doesn't start: {log.read_text()[-2000:]}")
        time.sleep(0.2)


def answers(url: str) -> bool:
    """Return whether a server answers."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = find_program("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.add_argument("--disable-dev-shm-usage")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    service = webdriver.ChromeService(find_program("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(60)
    PICTURES.mkdir(parents=True, exist_ok=True)
    yield driver
    driver.quit()
