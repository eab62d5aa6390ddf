"""The command line, which needs the `cli` extra."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command `synapse`; without the extra, exit with the command that installs it."""
    try:
        from synapse.cli.app import app
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("synapse"):
            raise
        from synapse._internal.installation import install_command

        sys.exit(
            f"synapse: the command line needs {error.name}, which isn't installed: "
            f"{install_command('cli')}"
        )
    app()
