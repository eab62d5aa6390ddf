"""The tool that writes the public names, and the recipe that uses the tool."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import public_names
import pytest
from package_source import PACKAGE, ROOT

from synapse._public import MODULE_OF

RECIPE = ROOT / "docs" / "howto" / "contribute.md"


def test_the_package_has_the_names_of_the_table() -> None:
    source = (PACKAGE / "__init__.py").read_text(encoding="utf-8")

    assert public_names.generate(source, MODULE_OF) == source


def test_a_new_name_is_written() -> None:
    source = (PACKAGE / "__init__.py").read_text(encoding="utf-8")

    written = public_names.generate(source, {**MODULE_OF, "Label": "synapse.resources.labels"})

    assert "    from synapse.resources.labels import Label\n" in written
    assert '    "Label",\n' in written


def test_a_file_without_the_block_is_refused() -> None:
    with pytest.raises(ValueError, match="no import block"):
        public_names.generate("import os\n", MODULE_OF)


def test_the_recipe_for_a_resource_works_to_the_letter(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "synapse", ignore=shutil.ignore_patterns("__pycache__"))
    recipe = RECIPE.read_text(encoding="utf-8")
    block = re.search(r"^ {3}```python\n(.*?)^ {3}```$", recipe, re.MULTILINE | re.DOTALL)
    assert block is not None
    declaration = textwrap.dedent(block[1])
    renamed = declaration.replace("TaskTag", "Label").replace("task_tags", "labels")
    module = tmp_path / "synapse" / "resources" / "labels.py"
    module.write_text(renamed, encoding="utf-8")
    table = tmp_path / "synapse" / "_public.py"
    row = '_NAMES = {\n    "synapse.resources.labels": ("Label",),\n'
    table.write_text(table.read_text(encoding="utf-8").replace("_NAMES = {\n", row, 1), "utf-8")
    tool = [sys.executable, str(ROOT / "tools" / "public_names.py"), "--root", str(tmp_path)]
    subprocess.run([*tool, "--write"], check=True, timeout=60)
    tool = [sys.executable, str(ROOT / "tools" / "typed_managers.py"), "--root", str(tmp_path)]
    subprocess.run([*tool, "--write"], check=True, timeout=60)
    stub = (module.parent / "_typed.pyi").read_text(encoding="utf-8")
    assert "class LabelCreate(TypedDict, total=False):" in stub
    assert "class TypedLabelManager(" in stub
    typed = re.search(r"^ {3}```text\n(.*?)^ {3}```$", recipe, re.MULTILINE | re.DOTALL)
    assert typed is not None
    head = re.search(r"^class LabelManager\(.*$", renamed, re.MULTILINE)
    assert head is not None
    renamed = renamed.replace(head[0], textwrap.dedent(typed[1]))
    renamed = renamed.replace("from typing import ", "from typing import TYPE_CHECKING, ", 1)
    module.write_text(renamed, encoding="utf-8")
    script = (
        "import sys, synapse; from synapse import Label\n"
        "session = synapse.Session('http://127.0.0.1:9', 'token')\n"
        "print(session.labels, type(session.labels).__name__, 'Label' in synapse.__all__)\n"
        "print('synapse.resources.jobs' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == "<LabelManager[Label]> LabelManager True\nFalse\n"
