"""Run every Python block of the documentation, and compare the output with the page.

The blocks of a page run in order and share their names, as if a reader pasted one after the
other. Each page starts in an empty folder, with the environment of a new local backend, so ids
begin at 1. Lines of a block that begin with `# ->` are the expected output.

The blocks that define tests form one file, which pytest runs.
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
RAY_PAGE = ROOT / "docs" / "howto" / "ray.md"  # needs a cluster, so tests/ray runs the page
RUNNING = [
    page for page in PAGES if "```python" in page.read_text(encoding="utf-8") and page != RAY_PAGE
]
# Languages of blocks that can't run here, and Sphinx's directives.
NOT_RUN = {"console", "json", "text", "toml", "ini", "yaml", "{eval-rst}", "{toctree}"}
NOT_RUN |= {"{literalinclude}"}  # tests/docs/test_gallery.py runs the files
NOT_RUN |= {"{include}", "{code-block}"}

_FENCE = re.compile(r"(?P<indent> *)(?P<mark>`{3,}|~{3,})(?P<info>.*)")
_TESTS = re.compile(r"^(def test_|@pytest\.fixture)", re.MULTILINE)
_OUTPUT = re.compile(r"\s*# ->(?: (?P<text>.*))?")


@dataclass
class Block:
    """A fenced block: language, text, and number of the text's first line."""

    language: str
    text: str
    line: int


def find_blocks(markdown: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
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
        AssertionError: A block raised an error, or printed other lines than the page shows.
    """
    for block in find_blocks(path.read_text(encoding="utf-8")):
        if block.language == "python":
            run_block(path, block, module)


def run_block(path: Path, block: Block, module: types.ModuleType) -> None:
    """Run one block, and begin the message of a failure with the page and the line."""
    printed = io.StringIO()
    try:
        # Leading blank lines give the block the line numbers of the page.
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
    matches = map(_OUTPUT.fullmatch, block.text.splitlines())
    expected = [match["text"] or "" for match in matches if match is not None]
    if printed.getvalue().splitlines() != expected:
        raise AssertionError(
            f"{path.name}:{block.line}: the block prints\n{printed.getvalue()}\nbut shows\n"
            + "\n".join(expected)
        )


def run_tests(path: Path, folder: Path) -> None:
    """Run the tests of a page, if any, with a backend of their own.

    Raises:
        AssertionError: A test failed.
    """
    blocks = find_blocks(path.read_text(encoding="utf-8"))
    sources = [
        block.text for block in blocks if block.language == "python" and _TESTS.search(block.text)
    ]
    if not sources:
        return
    (folder / "test_page.py").write_text("\n\n".join(sources), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{path.name}: {result.stdout}{result.stderr}"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Return an empty module in an empty folder, and undo a page's changes of the process."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    loggers = [logging.getLogger(name) for name in (None, "synapse", "synapse.transport")]
    states = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    declared = {cls.__name__: cls for cls in registry.declared()}
    monkeypatch.setattr(registry, "_CLASSES", declared)
    page = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page)
    yield page
    os.environ.clear()
    os.environ.update(before)
    for logger, level, handlers in states:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, module: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator() as emulator:
        monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
        monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)

        run_page(page, module)
    run_tests(page, Path.cwd())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_block_escapes(page: Path) -> None:
    languages = {block.language for block in find_blocks(page.read_text(encoding="utf-8"))}

    assert languages <= NOT_RUN | {"python"}


def test_no_two_pages_make_the_same_plugin() -> None:
    """A reader follows several pages about plugins with one backend."""
    pages: dict[str, set[str]] = {}
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        blocks = "\n".join(block.text for block in find_blocks(page.read_text(encoding="utf-8")))
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
        list(find_blocks("```python\nfirst = 1\n"))


def test_block_in_a_list_is_found() -> None:
    (block,) = find_blocks("- An item:\n\n  ```python\n  if True:\n      pass\n  ```\n")

    assert (block.language, block.text) == ("python", "if True:\n    pass")


def test_reference_has_every_domain() -> None:
    pages = (ROOT / "docs" / "reference").glob("*.md")
    reference = "\n".join(page.read_text(encoding="utf-8") for page in pages)

    for module in (ROOT / "synapse" / "resources").glob("[!_]*.py"):
        assert f".. automodule:: synapse.resources.{module.stem}\n" in reference


def find_client_methods() -> dict[str, list[str]]:
    """Return the methods of each client and of each of its parts."""
    clients: dict[str, list[str]] = {}
    for path in sorted((ROOT / "synapse" / "clients").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Client", "ClientMixin")):
                methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
                names = [method.name for method in methods if not method.decorator_list]
                clients[node.name] = [name for name in names if not name.startswith("_")]
    return clients


def test_reference_has_every_client() -> None:
    reference = (ROOT / "docs" / "reference" / "clients.md").read_text(encoding="utf-8")
    shown = re.findall(r"autoclass:: \S+\.(\w+(?:Client|ClientMixin))\n", reference)

    assert sorted(shown) == sorted(find_client_methods())


@pytest.mark.parametrize(("client", "methods"), find_client_methods().items())
def test_every_method_of_a_client_is_described(client: str, methods: list[str]) -> None:
    pages = (ROOT / "docs" / "howto" / "clients").glob("*.md")
    described = "\n".join(page.read_text(encoding="utf-8") for page in pages)

    assert client in described
    for method in methods:
        # A heading, or a row or sentence that shows the call.
        assert re.search(rf"^#+ {method}$|`{method}\(|client\.{method}\b", described, re.MULTILINE)
