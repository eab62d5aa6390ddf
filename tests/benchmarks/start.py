"""Measure starting: imports, the first use, and commands."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from measured import Cases, ratio, take_turns
from reading import page_server

LIBRARIES = "import requests, attrs, cattrs, cachetools"
SDK = "import synapse"
READY = "import synapse; synapse.Session('http://127.0.0.1:9', 'token').projects"
FIRST = "import synapse; list(synapse.Session('{url}', 'token').tasks[:1].values())"
PLAIN_FIRST = LIBRARIES + "; requests.get('{url}/sdk/tasks/', params={{'page_size': 1}}).json()"
LISTED = "import synapse; print(list(synapse.Session('{url}', 'token').tasks[:1].values()))"


def time_statement(statement: str) -> dict[str, float]:
    """Time a statement in a fresh interpreter."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    taken = subprocess.check_output([sys.executable, "-c", code], env=make_environment())
    return {"wall": float(taken)}


def run_program(*arguments: str) -> dict[str, float]:
    """Time a run of Python from start to end."""
    environment = {**make_environment(), "SYNAPSE_API_TOKEN": "token"}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return {"wall": time.perf_counter() - started}


def make_environment() -> dict[str, str]:
    """Return an environment without a profile, in which Python writes its compiled files."""
    environment = {**os.environ, "XDG_CONFIG_HOME": "/nonexistent"}
    # Compiled files as an installed package has them, also where the shell says not to write any.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def measure(note: Callable[..., None], number: int) -> None:
    """Note imports beside those of the libraries, and commands beside Python's own start."""
    for text in (LIBRARIES, READY):
        time_statement(text)  # compiles, once
    statements: Cases = {
        text: lambda text=text: time_statement(text)  # type: ignore[misc] # mypy can't infer it
        for text in (LIBRARIES, SDK, READY)
    }
    imports = take_turns(number, statements)
    note("import synapse / import of its libraries", ratio(imports, SDK, LIBRARIES), 0.60)
    note("ready to call / import of its libraries", ratio(imports, READY, LIBRARIES), 1.10)
    with page_server(100, 0.0) as url:
        first, plain = FIRST.format(url=url), PLAIN_FIRST.format(url=url)
        statements = {
            text: lambda text=text: time_statement(text)  # type: ignore[misc] # mypy can't infer it
            for text in (plain, first)
        }
        requests = take_turns(number, statements)
        note("first request / the same with requests", ratio(requests, first, plain), 1.20)
        command = ["-m", "synapse", "--base-url", url, "tasks", "list", "-n", "1"]
        cases: Cases = {
            "python": lambda: run_program("-c", "pass"),
            "version": lambda: run_program("-m", "synapse", "--version"),
            "help": lambda: run_program("-m", "synapse", "--help"),
            "verbs": lambda: run_program("-m", "synapse", "tasks", "--help"),
            "list": lambda: run_program(*command),
            "in Python": lambda: run_program("-c", LISTED.format(url=url)),
        }
        commands = take_turns(number, cases)
    note("synapse --version / python -c pass", ratio(commands, "version", "python"), 1.50)
    note("synapse --help / python -c pass", ratio(commands, "help", "python"), 5.00)
    note("synapse tasks --help / python -c pass", ratio(commands, "verbs", "python"), 14.00)
    note("synapse tasks list / the same in Python", ratio(commands, "list", "in Python"), 2.00)
