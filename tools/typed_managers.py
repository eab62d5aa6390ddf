"""Write the stub that tells type checkers the names and types of each manager's keywords.

The declarations of the resources decide; no program imports the stub.

    python tools/typed_managers.py           # print the stub
    python tools/typed_managers.py --write   # write the file
    python tools/typed_managers.py --write --root DIRECTORY   # for another checkout
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STUB = Path("synapse", "resources", "_typed.pyi")

# Relations of relations that `expand()` knows by name.
_DEPTH = 3
_HEADER = '"""Keywords of the managers, for type checkers: tools/typed_managers.py writes this."""'
# Each method takes only the names of its class, where the method that it overrides takes any.
_CONFIGURATION = '# mypy: disable-error-code="override"'
_PARAMS = "params: Mapping[str, Any] | None = None"
# Keywords of `create()` that managers convert besides the declared ones, by class.
_ALSO = {"DataUnit": {"groups": "Sequence[str]"}, "Log": {"file": "PathLike[str]"}}
WORD = re.compile(r"\b[A-Za-z_]\w*")
_BOUND = re.compile(r"__(lt|lte|gt|gte)$")
_RANGE = re.compile(r"_(after|before)$")


def generate() -> str:
    """Return the stub for all resources of the package, as ruff formats it."""
    from synapse.orm import registry

    package = [cls for cls in registry.declared() if cls.__module__.startswith("synapse.")]
    classes = sorted(package, key=lambda cls: str(cls.__schema__.name))
    scoped = find_scoped(classes)
    parts = [part for cls in classes for part in generate_class(cls, scoped)]
    words = list(generate_words(classes, "\n".join(parts)))
    imports = generate_imports(classes, "\n".join([*words, *parts]))
    text = "\n".join([_HEADER, "", _CONFIGURATION, "", *imports, *words, *parts])
    return format_stub(text, STUB.name)


def format_stub(text: str, name: str) -> str:
    """Return a stub's text as ruff formats the file of that name."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", name, "-"]
    command[4:4] = ["--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def find_scoped(classes: Iterable[Any]) -> set[tuple[str, str]]:
    """Return class and name of the relations that managers such as `project.tasks` fill in."""
    pairs = set()
    for cls in classes:
        for value in vars(cls).values():
            if type(value).__name__ == "ToMany":
                pairs.add((value.target, value.by))
    return pairs


# -- A class -------------------------------------------------------------------------------------


def generate_class(cls: Any, scoped: set[tuple[str, str]]) -> Iterator[str]:
    """Yield the types and the manager of a class."""
    from synapse.orm import manager as managers

    name, manager = cls.__name__, cls.__schema__.declared_manager
    can_read = issubclass(manager, managers.Manager)
    can_update = issubclass(manager, managers.Updates)
    own = [verb for verb in ("create", "get", "update") if verb in vars(manager)]
    methods: list[str] = []
    if issubclass(manager, managers.Creates):
        yield from generate_dict(f"{name}Create", create_types(cls, scoped))
        if "create" not in own:
            parameters = ["extra: Mapping[str, Any] | None = None"]
            methods.append(method("create", parameters, f"values: Unpack[{name}Create]", name))
    if issubclass(manager, managers.BulkCreates):
        # Overloads: in a union, mypy doesn't know the keys of a comprehension's rows.
        options = "*, batch_size: int = 500, workers: int = ..."
        for verb, result in (
            ("bulk_create", f"list[{name}]"),
            ("create_batches", f"Iterator[list[{name}]]"),
        ):
            for rows in (f"Iterable[{name}Create]", "ArrowStream"):
                line = f"def {verb}(self, items: {rows}, {options}) -> {result}: ..."
                methods += ["@overload", line]
    if can_update or "update" in vars(cls):
        yield from generate_dict(f"{name}Update", create_types(cls, None))
    if can_update:
        methods.append(method("update", [], f"values: Unpack[{name}Update]", "int"))
    if can_read:
        yield from generate_dict(f"{name}Filters", filter_types(cls))
        methods.append(method("filter", [_PARAMS], f"filters_: Unpack[{name}Filters]", "Self"))
        if "get" not in own:
            methods.append(
                f"def get(self, key: int | str | None = None, /, *, refresh: bool = False, "
                f"**filters_: Unpack[{name}Filters]) -> {name}: ..."
            )
        yield from generate_names(cls)
        for verb, names, result in (
            ("order_by", "Order", "Self"),
            ("expand", "Path", "Self"),
            ("only", "Field", "Self"),
            ("omit", "Omitted", "Self"),
            ("values", "Column", "Rows"),
        ):
            if names != "Path" or expansions(cls):
                methods.append(f"def {verb}(self, *names: {name}{names}) -> {result}: ...")
    if methods:
        # All verbs of the class, so that the order of the bases is the same for type checkers.
        bases = [
            base.__name__ for base in manager.__bases__ if base.__module__ == managers.__name__
        ]
        yield f"class Typed{manager.__name__}({', '.join(f'{base}[{name}]' for base in bases)}):"
        yield from (f"    {line}" for line in methods)


def method(name: str, parameters: list[str], keywords: str, result: str) -> str:
    """Return a method with keywords out of a typed dictionary."""
    head = "".join(f"{each}, " for each in (["*", *parameters] if parameters else []))
    return f"def {name}(self, {head}**{keywords}) -> {result}: ..."


def generate_dict(name: str, types: dict[str, str]) -> Iterator[str]:
    """Yield a typed dictionary."""
    yield f"class {name}(TypedDict, total=False):"
    yield from (f"    {key}: {kind}" for key, kind in types.items())


def generate_names(cls: Any) -> Iterator[str]:
    """Yield the names that the refining verbs of a class take."""
    from synapse.orm import lookups

    schema = cls.__schema__
    orders = [n for n, field in schema.fields.items() if field.is_filterable and not field.is_list]
    relations = [f"{n}_id" for n, field in schema.fields.items() if field.is_relation]
    lookups.ordering_names(schema, orders)  # what the stub offers, the run time takes
    yield literal(f"{cls.__name__}Order", [*orders, *(f"-{n}" for n in orders)])
    if paths := expansions(cls):
        lookups.expansion_tree(schema, paths)
        yield literal(f"{cls.__name__}Path", paths)
    yield literal(f"{cls.__name__}Field", schema.fields)
    omitted = [n for n in schema.fields if n not in ("id", schema.key)]
    yield literal(f"{cls.__name__}Omitted", omitted)
    yield literal(f"{cls.__name__}Column", [*schema.fields, *relations])


def literal(name: str, words: Iterable[str]) -> str:
    """Return an alias for some words."""
    return f"{name}: TypeAlias = Literal[{', '.join(repr(str(word)) for word in words)}]"


def expansions(cls: Any, depth: int = _DEPTH) -> list[str]:
    """Return the paths that `expand()` takes for a class."""
    from synapse.orm import registry

    paths = sorted(cls.__schema__.expandable)
    for name, field in cls.__schema__.fields.items():
        if field.is_relation:
            paths.append(name)
            if depth > 1:
                below = expansions(registry.get(field.declared.target), depth - 1)
                paths += [f"{name}.{path}" for path in below]
    return list(dict.fromkeys(paths))


# -- Types of values -----------------------------------------------------------------------------


def create_types(cls: Any, scoped: set[tuple[str, str]] | None) -> dict[str, str]:
    """Return the types of the keywords of `create()`; without `scoped`, of `update()`."""
    from synapse.orm.signatures import find_keywords

    also = _ALSO.get(cls.__name__, {})
    types = dict(also)
    for keyword in find_keywords(cls, "create"):
        declared = cls.__schema__.fields[keyword.field].declared
        parts = [accept(part, cls) for part in split(keyword.type)]
        kind = join([*parts, *filter(None, (declared.stands_for, also.get(keyword.name)))])
        is_required = scoped is not None and declared.required
        if scoped and (cls.__name__, keyword.name) in scoped:
            is_required = False  # managers such as `project.tasks` fill the relation in
        types[keyword.name] = f"Required[{kind}]" if is_required else kind
    return types


def filter_types(cls: Any) -> dict[str, str]:
    """Return the types of the keywords of `filter()`."""
    from synapse.orm.signatures import find_keywords

    types, schema = {}, cls.__schema__
    for keyword in find_keywords(cls, "filter"):
        field = schema.fields.get(keyword.field)
        parts = split(keyword.type)
        if field is not None and field.choice is not None:
            parts = [part for part in parts if part != "str"]
        if field is not None and field.declared.stands_for:
            parts = [field.declared.stands_for, *parts]
        if keyword.field in ("id", schema.key):
            parts = [cls.__name__, *parts]
        kind = join(f"{part} | date" if part == "datetime" else part for part in parts)
        kind = join(accept(part, cls) for part in split(kind))
        if keyword.is_list:
            kind = f"Iterable[{kind}]"
        elif kind != "Any" and not (_BOUND.search(keyword.name) or is_range(keyword)):
            kind = f"{kind} | Iterable[{kind}]"
        types[keyword.name] = kind
    return types


def is_range(keyword: Any) -> bool:
    """Return whether a keyword is a bound of a time, such as `created_after`."""
    return keyword.name != keyword.field and bool(_RANGE.search(keyword.name))


def split(kind: str) -> list[str]:
    """Return the parts of a union."""
    return kind.split(" | ")


def join(parts: Iterable[str]) -> str:
    """Return a union, each part once, with `None` at the end."""
    every = dict.fromkeys(one for part in parts for one in split(part))
    return " | ".join(sorted(every, key=lambda part: part == "None"))


def accept(kind: str, cls: Any) -> str:
    """Return what a caller may pass for a declared type."""
    found = re.match(r"(dict|list)\[(?:str, )?(\w+)\]$", kind)
    if found is None:
        if kind == "datetime":
            return "datetime | str"  # ISO 8601
        return f"{kind} | {kind}Word" if is_choice(kind, cls) else kind
    if found[1] == "dict":
        return "Mapping[str, Any]"
    is_object = is_value_object(found[2], cls)
    return f"Sequence[{found[2]} | Mapping[str, Any]]" if is_object else f"Sequence[{found[2]}]"


def look_up(name: str, cls: Any) -> Any:
    """Return a class by the name that an annotation has for it, or `None`."""
    return getattr(sys.modules[cls.__module__], name, None)


def is_choice(name: str, cls: Any) -> bool:
    """Return whether a name is that of an enumeration."""
    from synapse.orm.convert import Choices

    found = look_up(name, cls)
    return isinstance(found, type) and issubclass(found, Choices)


def is_value_object(name: str, cls: Any) -> bool:
    """Return whether a name is that of a structured value."""
    from synapse.orm.convert import ValueObject

    found = look_up(name, cls)
    return isinstance(found, type) and issubclass(found, ValueObject)


# -- The head of the stub ------------------------------------------------------------------------


def generate_words(classes: Iterable[Any], text: str) -> Iterator[str]:
    """Yield the words of the enumerations that a text names, in each spelling."""
    for name in sorted(set(re.findall(r"\b(\w+)Word\b", text))):
        choice: Any = next(filter(None, (look_up(name, cls) for cls in classes)))
        words = {word: None for member in choice for word in (member.value, *member.spellings)}
        cases = [each for word in words for each in (word, word.lower(), word.upper())]
        yield literal(f"{name}Word", dict.fromkeys(word for word in cases if parses(choice, word)))


def parses(choice: Any, word: str) -> bool:
    """Return whether an enumeration has a member for a word."""
    try:
        choice(word)
    except ValueError:
        return False
    return True


def generate_imports(classes: Iterable[Any], text: str) -> Iterator[str]:
    """Yield the imports of the names in a text."""
    homes = {
        **dict.fromkeys(("Iterable", "Iterator", "Mapping", "Sequence"), "collections.abc"),
        **dict.fromkeys(("date", "datetime"), "datetime"),
        "PathLike": "os",
        **dict.fromkeys(("Any", "Literal", "TypeAlias", "TypedDict", "overload"), "typing"),
        **dict.fromkeys(("Required", "Self", "Unpack"), "typing_extensions"),
        "ArrowStream": "synapse.orm._typing",
        "Rows": "synapse.orm.pages",
        **dict.fromkeys(
            ("BulkCreates", "Creates", "Deletes", "Manager", "Updates"), "synapse.orm.manager"
        ),
    }
    used = set(WORD.findall(re.sub(r"'[^']*'", "", text)))
    used -= set(re.findall(r"^(?:class )?(\w+)[(:]", text, re.MULTILINE))  # of the stub itself
    for cls in classes:
        homes[cls.__name__] = cls.__module__
        for name in used & vars(sys.modules[cls.__module__]).keys():
            homes.setdefault(name, getattr(look_up(name, cls), "__module__", ""))
    by_home: dict[str, list[str]] = {}
    for name in sorted(used & homes.keys()):
        by_home.setdefault(homes[name], []).append(name)
    group = 0
    for home in sorted(by_home, key=lambda home: (rank(home), home)):
        if rank(home) != group:
            yield ""
        group = rank(home)
        yield f"from {home} import {', '.join(sorted(by_home[home], key=place))}"


def place(name: str) -> tuple[bool, str]:
    """Return the place of a name in an import: classes first."""
    return name[0].islower(), name.lower()


def rank(module: str) -> int:
    """Return the place of a module's group: standard library, libraries, this package."""
    top = module.partition(".")[0]
    return 2 if top == "synapse" else int(top not in sys.stdlib_module_names)


def main(arguments: list[str]) -> int:
    """Print the stub, or write the file."""
    root = Path(arguments[arguments.index("--root") + 1]) if "--root" in arguments else ROOT
    sys.path.insert(0, str(root))
    importlib.import_module("synapse")
    text = generate()
    if "--write" in arguments:
        (root / STUB).write_text(text, encoding="utf-8")
        print(f"{root / STUB}: {text.count(chr(10))} lines")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
