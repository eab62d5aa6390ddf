"""Run the unit tests on every supported Python version: `nox`, or `nox -s unit-3.12`.

Interpreters that aren't installed are skipped. `make` runs everything else.
"""

from __future__ import annotations

import nox

nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


@nox.session(python=["3.10", "3.11", "3.12", "3.13", "3.14"])
def unit(session: nox.Session) -> None:
    """Run the unit tests."""
    session.install("--editable", ".[unit]")
    session.run(
        "python", "-m", "pytest", "-n", "3", "--dist", "loadfile", "-m", "not slow", "tests/unit"
    )
