"""The interpreter of the platform's package, and a release in the scaffold's form.

`make test-platform-plugins` runs these tests; `make test` doesn't, because they install the
package, about 400 MB, from the package index.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse import PluginRelease, Session
from synapse.jobs.local.interpreters import choose_interpreter
from synapse.jobs.local.release_cache import Unusable
from synapse.plugins.platform_form import PLATFORM_PYTHON

FOLDER = Path(__file__).parent / "plugin_folder"


def find_reason() -> tuple[bool, str]:
    """Return whether the tests can run, and the interpreter or the reason."""
    try:
        version, path = choose_interpreter([PLATFORM_PYTHON], reason="The platform's package")
    except Unusable as error:
        return False, f"left out: {error}"
    return True, f"on Python {version} ({path})"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"Plugins of the platform's package: {find_reason()[1]}")


@pytest.fixture(autouse=True)
def interpreter() -> None:
    """Skip without an interpreter for the package."""
    can_run, reason = find_reason()
    if not can_run:
        pytest.skip(reason)


@pytest.fixture
def release(session: Session) -> Iterator[PluginRelease]:
    """The released folder."""
    return session.plugins.create(folder=FOLDER).release("0.1.0", FOLDER)
