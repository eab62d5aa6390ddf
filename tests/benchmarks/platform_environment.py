"""Make an environment with the platform's package, where a Python is found that it supports.

Usage: python platform_environment.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from synapse.jobs.local.interpreters import choose_interpreter
from synapse.jobs.local.release_cache import Unusable
from synapse.plugins.platform_form import PLATFORM_PYTHON


def main(folder: Path) -> None:
    """Make the environment, or say why there is none."""
    try:
        _, python = choose_interpreter([PLATFORM_PYTHON], reason="The platform's package")
    except Unusable as error:
        print(f"The platform's package is left out: {error}")
        return
    subprocess.run([python, "-m", "venv", folder], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    requirements = folder / "requirements.txt"
    requirements.write_text("synapse-sdk\nrequests\n", encoding="utf-8")
    subprocess.run([folder / "bin" / "python", *install, "-r", requirements], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
