"""Make a plugin's folder: a skeleton that works, with a test, for each category."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from synapse._internal.hints import suggestion
from synapse._internal.user_folders import expand_home
from synapse.errors import UsageError
from synapse.plugins.config import CATEGORIES, PluginConfig

__all__ = ["new"]

_SKELETONS = Path(__file__).parent / "skeletons"
# Files under other names here, so that no tool takes them for the package's own.
_NAMES = {"gitignore.txt": ".gitignore", "plugin/__init__.py.txt": "plugin/__init__.py"}
_PLACE = re.compile(r"\{\{(\w+)\}\}")
# The rule of `PluginConfig`, whose message can't say which code would do.
_CODE = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9_-]{1,100}")
# Words that YAML doesn't take for texts, by the older rules, too.
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"})
_NO_LETTER = re.compile(r"[^A-Za-z0-9]+")


def new(
    folder: str | os.PathLike[str],
    *,
    category: str = "custom",
    name: str | None = None,
    code: str | None = None,
) -> Path:
    """Make a plugin's folder with a working skeleton. Makes no request.

    The folder has a `config.yaml` with one action, `plugin/main.py` with the code, a test, and a
    README. The skeleton can be checked, run and released as it is.

    Args:
        folder: The folder, which is made if necessary. Files that the skeleton has may not exist.
        category: Purpose of the plugin, a `synapse.PluginCategory` or the value.
        name: Display name; by default from the folder's name.
        code: The plugin's code; by default from the folder's name.

    Returns:
        The folder.

    Raises:
        UsageError: The category doesn't exist, a name is not valid, or the folder has a file that
            the skeleton has.

    Example:
        >>> folder = new(Path("street-census"), category="data_validation")
        >>> sorted(path.name for path in folder.iterdir() if path.suffix in (".yaml", ".md"))
        ['README.md', 'config.yaml']
        >>> print((folder / "config.yaml").read_text().splitlines()[0])
        code: street-census
    """
    word = str(getattr(category, "value", category))
    if word not in CATEGORIES:
        raise UsageError(f"category={word!r} is not valid{suggestion(word, CATEGORIES)}")
    place = expand_home(folder)
    own_name = place.resolve().name
    if code is not None and not _CODE.fullmatch(code):
        raise UsageError(
            f"code={code!r:.120} is not valid: a code has letters, digits, hyphens and "
            "underscores, 100 at most, and isn't a number alone. Pass "
            f"code={_make_code(code)!r}."
        )
    code = _make_code(own_name) if code is None else code
    name = _make_name(own_name) if name is None else name
    files = dict(_fill(word, name, code))
    PluginConfig.parse(
        {"code": code, "name": name, "version": "0.1.0", "category": word, "actions": _ANY_ACTION},
        source="The names",
    )
    if place.exists() and not place.is_dir():
        raise UsageError(f"{folder} is a file. Pass a folder, new or empty.")
    if existing := [file for file in files if os.path.lexists(place / file)]:
        raise UsageError(
            f"{folder} has {', '.join(existing)}, which the skeleton would replace. Pass another "
            "folder."
        )
    root = place.resolve()
    for file in files:
        if not (root / file).resolve().is_relative_to(root):
            raise UsageError(f"{folder}: {file} would be written through a link. Remove the link.")
    try:
        for file, text in files.items():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{error.filename} can't be written: {error.strerror}.") from error
    return place


_ANY_ACTION = {"run": {"entrypoint": "plugin.main:run"}}


def _fill(category: str, name: str, code: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file."""
    own = _SKELETONS / category
    description, example, *actions = (own / "actions.yaml").read_text("utf-8").splitlines(True)
    values = {
        "category": category,
        "quoted_code": json.dumps(code) if _needs_quotes(code) else code,
        "name": name,
        # YAML refuses most characters that can't be printed.
        "quoted_name": json.dumps(name, ensure_ascii=not name.isprintable()),
        "description": description.removeprefix("# ").strip(),
        "example": example.removeprefix("# ").strip(),
        "actions": "".join(actions),
    }
    common = _SKELETONS / "common"
    for path in sorted(path for path in common.rglob("*") if path.is_file()):
        file = path.relative_to(common).as_posix()
        text = path.read_text("utf-8")
        # In one pass: a name may look like a place.
        yield _NAMES.get(file, file), _PLACE.sub(lambda found: values[found[1]], text)
    yield "plugin/main.py", (own / "main.py.txt").read_text("utf-8")
    yield "tests/test_main.py", (own / "test_main.py.txt").read_text("utf-8")


def _needs_quotes(code: str) -> bool:
    """Return whether YAML would read a code as a number, a date, a truth or nothing."""
    return not code[:1].isalpha() or code.lower() in _YAML_WORDS


def _make_code(folder: str) -> str:
    code = _NO_LETTER.sub("-", folder).strip("-").lower()[:80]
    return code if code and not code.isdigit() else f"plugin-{code}".strip("-")


def _make_name(folder: str) -> str:
    words = " ".join(_NO_LETTER.sub(" ", folder).split())
    return (words[:1].upper() + words[1:]) or "Plugin"
