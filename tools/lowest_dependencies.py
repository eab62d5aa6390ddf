"""Print pip constraints that pin each dependency to the oldest allowed version.

python tools/lowest_dependencies.py unit   # those of an extra, with those of the package
pip install --constraint <(python tools/lowest_dependencies.py unit) '.[unit]'
"""

from __future__ import annotations

import configparser
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
_LOWER = (">=", "==", "~=")


def find_lower_bounds(extra: str, path: Path = ROOT / "setup.cfg") -> list[str]:
    """Return a constraint for each dependency of the package and of an extra, sorted.

    Raises:
        ValueError: A dependency has no lower bound, so that no oldest version is allowed.
    """
    config = configparser.ConfigParser()
    config.read(path, encoding="utf-8")
    lists = (config["options"]["install_requires"], config["options.extras_require"][extra])
    return sorted({bound for text in lists for bound in _find_bounds(text)}, key=str.lower)


def _find_bounds(text: str) -> Iterator[str]:
    for line in filter(None, map(str.strip, text.splitlines())):
        requirement = Requirement(line)
        bounds = [each.version for each in requirement.specifier if each.operator in _LOWER]
        if not bounds:
            raise ValueError(f"{requirement.name} has no lower bound: write one into setup.cfg.")
        marker = f"; {requirement.marker}" if requirement.marker else ""
        yield f"{requirement.name}=={bounds[0]}{marker}"


if __name__ == "__main__":
    print("\n".join(find_lower_bounds(sys.argv[1] if sys.argv[1:] else "unit")))
