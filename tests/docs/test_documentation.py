"""Every Python block of the documentation runs, and prints what the page says that it prints.

The blocks of a page run in order and share their names, as if the reader pasted one after the
other. A page starts in an empty folder, with the environment pointing at a local backend of its
own, so that ids begin at 1. In a block, the lines that begin with `# ->` are its output.

The blocks that define tests are, put together, a file that pytest runs.
"""

from __future__ import annotations

import ast
import contextlib
import io
import logging
import os
import re
import subprocess
import sys
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from synapse.emulator import Emulator
from synapse.orm import registry

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts),
]
# The page about Ray is run by tests/ray, which has a cluster.
RAY_PAGE = ROOT / "docs" / "howto" / "ray.md"  # which needs a cluster: tests/ray runs it
RUNNING = [
    page for page in PAGES if "```python" in page.read_text(encoding="utf-8") and page != RAY_PAGE
]
# What a fence may be: Python, which runs; what can't run here; and Sphinx's directives.
NOT_RUN = {"console", "text", "toml", "ini", "{eval-rst}", "{toctree}"}

_FENCE = re.compile(r"(?P<indent> *)(?P<mark>`{3,}|~{3,})(?P<info>.*)")
_TESTS = re.compile(r"^(def test_|@pytest\.fixture)", re.MULTILINE)
_OUTPUT = re.compile(r"\s*# ->(?: (?P<text>.*))?")


@dataclass
class Block:
    """A fenced block: its language, its text, and the line of the page on which that begins."""

    language: str
    text: str
    line: int


def blocks_of(markdown: str) -> Iterator[Block]:
    """Find the fenced blocks of a page."""
    opened: re.Match[str] | None = None
    inside: list[str] = []
    begin = 0
    for number, line in enumerate(markdown.splitlines(), start=1):
        fence = _FENCE.fullmatch(line)
        if opened is None:
            if fence is not None:
                opened, inside, begin = fence, [], number + 1
            continue
        closes = fence is not None and fence["mark"].startswith(opened["mark"])
        if closes and fence is not None and not fence["info"].strip():
            words = opened["info"].split()
            yield Block(words[0] if words else "", "\n".join(inside), begin)
            opened = None
        else:
            inside.append(line.removeprefix(opened["indent"]))
    if opened is not None:
        raise AssertionError(f"The block that begins on line {begin} isn't closed.")


def run_page(path: Path, module: types.ModuleType) -> None:
    """Run a page's Python blocks in a module.

    Raises:
        AssertionError: One raised, or printed something else than it says.
    """
    for block in blocks_of(path.read_text(encoding="utf-8")):
        if block.language == "python":
            run_block(path, block, module)


def run_block(path: Path, block: Block, module: types.ModuleType) -> None:
    """Run one block; the message of a failure begins with the page and the line."""
    printed = io.StringIO()
    try:
        # Blank lines before it give the block the line numbers of the page.
        source = "\n" * (block.line - 1) + block.text
        code = compile(source, str(path), "exec", dont_inherit=True)
        with contextlib.redirect_stdout(printed):
            exec(code, vars(module))
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        if isinstance(error, SyntaxError):
            lines.append(error.lineno)
        line = lines[-1] if lines else block.line
        why = "".join(traceback.format_exception_only(error)).strip()
        raise AssertionError(f"{path.name}:{line}: {why}") from error
    found = map(_OUTPUT.fullmatch, block.text.splitlines())
    shown = [line["text"] or "" for line in found if line is not None]
    if printed.getvalue().splitlines() != shown:
        wanted = "\n".join(shown)
        raise AssertionError(
            f"{path.name}:{block.line}: the block prints\n{printed.getvalue()}\nbut shows\n{wanted}"
        )


def run_tests(path: Path, folder: Path) -> None:
    """Run the tests that a page shows, if there are any, with a backend of their own.

    Raises:
        AssertionError: One failed.
    """
    blocks = blocks_of(path.read_text(encoding="utf-8"))
    shown = [one.text for one in blocks if one.language == "python" and _TESTS.search(one.text)]
    if not shown:
        return
    (folder / "test_page.py").write_text("\n\n".join(shown), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{path.name}: {result.stdout}{result.stderr}"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """An empty module in an empty folder; what a page does to the process is undone afterwards."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    loggers = [logging.getLogger(name) for name in (None, "synapse", "synapse.transport")]
    logged = [(one, one.level, list(one.handlers)) for one in loggers]
    declared = {cls.__name__: cls for cls in registry.declared()}
    monkeypatch.setattr(registry, "_CLASSES", declared)
    made = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", made)
    yield made
    os.environ.clear()
    os.environ.update(before)
    for logger, level, handlers in logged:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, module: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator() as emulator:
        monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
        monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)

        run_page(page, module)
    run_tests(page, Path.cwd())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_block_escapes(page: Path) -> None:
    languages = {block.language for block in blocks_of(page.read_text(encoding="utf-8"))}

    assert languages <= NOT_RUN | {"python"}


def test_no_two_pages_make_the_same_plugin() -> None:
    """Who reads about plugins reads several pages, with one backend for all."""
    pages: dict[str, set[str]] = {}
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        blocks = "\n".join(one.text for one in blocks_of(page.read_text(encoding="utf-8")))
        for code in re.findall(r"^\s*code: ([\w-]+)$", blocks, re.MULTILINE):
            pages.setdefault(code, set()).add(page.name)

    assert len(pages) > 4
    assert {code: names for code, names in pages.items() if len(names) > 1} == {}


PAGE = """\
# A page

```python
first = 1
```

```text
not Python
```

```python
print(first)
# -> {shown}
{last}
```
"""


@pytest.mark.parametrize(
    ("shown", "last", "message"),
    [
        ("1", "assert first == 2", r"page\.md:14: AssertionError"),
        ("1", "unknown", r"page\.md:14: NameError"),
        ("1", "raise SystemExit(0)", r"page\.md:14: SystemExit"),
        ("1", "if", r"page\.md:14: [\s\S]*SyntaxError"),
        ("2", "", r"page\.md:12: the block prints\s1\s+but shows\s2"),
        ("1", "print()", r"page\.md:12: the block prints"),
    ],
)
def test_wrong_page_fails(
    shown: str, last: str, message: str, module: types.ModuleType, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.format(shown=shown, last=last), encoding="utf-8")

    with pytest.raises(AssertionError, match=f"^{message}"):
        run_page(page, module)


def test_right_page_passes(module: types.ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.format(shown="1", last="second = 2"), encoding="utf-8")

    run_page(page, module)

    assert (module.first, module.second) == (1, 2)


@pytest.mark.parametrize(
    ("last", "fails"), [("assert True", False), ("assert False", True), ("unknown()", True)]
)
def test_tests_of_a_page_run(last: str, fails: bool, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```python\ndef test_it():\n    {last}\n```\n", encoding="utf-8")

    if fails:
        with pytest.raises(AssertionError, match=r"^page\.md: [\s\S]*1 failed"):
            run_tests(page, tmp_path)
    else:
        run_tests(page, tmp_path)


def test_page_without_tests_runs_none(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nfirst = 1\n```\n", encoding="utf-8")

    run_tests(page, tmp_path)

    assert list(tmp_path.iterdir()) == [page]


def test_open_block_is_refused() -> None:
    with pytest.raises(AssertionError, match="line 2 isn't closed"):
        list(blocks_of("```python\nfirst = 1\n"))


def test_block_in_a_list_is_found() -> None:
    (block,) = blocks_of("- An item:\n\n  ```python\n  if True:\n      pass\n  ```\n")

    assert (block.language, block.text) == ("python", "if True:\n    pass")


def test_reference_has_every_domain() -> None:
    pages = (ROOT / "docs" / "reference").glob("*.md")
    reference = "\n".join(page.read_text(encoding="utf-8") for page in pages)

    for module in (ROOT / "synapse" / "resources").glob("[!_]*.py"):
        assert f".. automodule:: synapse.resources.{module.stem}\n" in reference


def clients() -> dict[str, list[str]]:
    """Return the clients and their parts, each with its methods."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "synapse" / "clients").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Client", "ClientMixin")):
                methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
                names = [one.name for one in methods if not one.decorator_list]
                found[node.name] = [name for name in names if not name.startswith("_")]
    return found


def test_reference_has_every_client() -> None:
    reference = (ROOT / "docs" / "reference" / "clients.md").read_text(encoding="utf-8")
    shown = re.findall(r"autoclass:: \S+\.(\w+(?:Client|ClientMixin))\n", reference)

    assert sorted(shown) == sorted(clients())


@pytest.mark.parametrize(("client", "methods"), clients().items())
def test_every_method_of_a_client_is_described(client: str, methods: list[str]) -> None:
    pages = (ROOT / "docs" / "howto" / "clients").glob("*.md")
    described = "\n".join(page.read_text(encoding="utf-8") for page in pages)

    assert client in described
    for method in methods:
        # A heading of its own, or a row or sentence that shows how it is called.
        assert re.search(rf"^#+ {method}$|`{method}\(|client\.{method}\b", described, re.MULTILINE)
