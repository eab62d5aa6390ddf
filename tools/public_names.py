"""Write the public names of `synapse/_public.py` into `synapse/__init__.py`.

The table is the only place to edit: type checkers need the imports, and `__all__`, spelled out.
"""

from __future__ import annotations

import argparse
import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def generate(source: str, module_of: dict[str, str]) -> str:
    """Return the package's source with imports and `__all__` from the table.

    Args:
        source: The text of `synapse/__init__.py`.
        module_of: The module of each public name.
    """
    lines = []
    for module in sorted(set(module_of.values())):
        names = sorted(name for name, home in module_of.items() if home == module)
        line = f"    from {module} import {', '.join(names)}"
        if len(line) > 100:
            rows = "".join(f"        {name},\n" for name in names)
            line = f"    from {module} import (\n{rows}    )"
        lines.append(line)
    block = "if TYPE_CHECKING:\n" + "\n".join(lines) + "\n\n__all__ = [\n"
    block += "".join(f'    "{name}",\n' for name in sorted([*module_of, "__version__"])) + "]\n"
    pattern = r"^if TYPE_CHECKING:\n(?:    .*\n|\n)+?__all__ = \[\n(?:    .*\n)+\]\n"
    result, count = re.subn(pattern, lambda _: block, source, count=1, flags=re.MULTILINE)
    if count != 1:
        raise ValueError("synapse/__init__.py has no import block followed by __all__")
    return result


def main() -> int:
    """Compare `synapse/__init__.py` with the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the file instead of comparing")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout")
    arguments = parser.parse_args()
    path = arguments.root / "synapse" / "__init__.py"
    table = runpy.run_path(str(arguments.root / "synapse" / "_public.py"))["MODULE_OF"]
    source = path.read_text(encoding="utf-8")
    generated = generate(source, table)
    if arguments.write:
        path.write_text(generated, encoding="utf-8")
    elif generated != source:
        sys.stderr.write("synapse/__init__.py differs from _public.py: run with --write\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
