"""Write the stub that tells type checkers the awaitable methods of `session.aio`.

The classes of the ordinary objects decide: each of them has a class here with the same methods.

    python tools/typed_aio.py           # print the stub
    python tools/typed_aio.py --write   # write the file
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_origin

import typed_managers

ROOT = typed_managers.ROOT
STUB = Path("synapse", "aio", "_typed.pyi")
TYPED = "synapse.resources._typed"

_HEADER = (
    '"""Awaitable methods of `session.aio`, for type checkers: tools/typed_aio.py writes this."""'
)
_CONFIGURATION = (
    '# mypy: disable-error-code="override,misc"\n# pyright: reportIncompatibleMethodOverride=false'
)
# Bases without public methods of their own.
_NO_BASES = {"Described", "Generic", "Iterator", "KnownAttributes", "Closing", "object"}
# Their type is that of a descriptor's `__get__`.
_DESCRIBED = {"DocumentAnnotations": "Annotations"}

V = TypeVar("V")
Homes = dict[str, str]


class Member(NamedTuple):
    """A line of a class in the stub, and the names in it by the modules that they are from."""

    text: str
    homes: Homes


def generate() -> str:
    """Return the stub for the package's resources, as ruff formats it."""
    from synapse.aio.member_kinds import LAZY
    from synapse.orm import registry
    from synapse.session import Session

    resources = [cls for cls in registry.declared() if cls.__module__.startswith("synapse.")]
    resources.sort(key=lambda cls: str(cls.__schema__.name))
    managers = [cls.__schema__.declared_manager for cls in resources]
    lazy = [getattr(importlib.import_module(module), name) for name, module in LAZY.items()]
    order: dict[type, None] = {}
    for cls in [*managers, *lazy, *resources]:
        for base in reversed(cls.__mro__):
            if base.__module__.startswith("synapse.") and base.__name__ not in _NO_BASES:
                order[base] = None
    lines, homes = [], dict[str, str]()
    for cls in order:
        for member in generate_class(cls):
            lines.append(member.text)
            add(homes, member.homes)
    for member in generate_session(Session, resources, managers, lazy):
        lines.append(member.text)
        add(homes, member.homes)
    imports = generate_imports(homes, "\n".join(lines))
    variables = [f'{name} = TypeVar("{name}"{bound})' for name, bound in VARIABLES.items()]
    text = "\n".join([_HEADER, "", _CONFIGURATION, "", *imports, "", *variables, "", *lines])
    command = [sys.executable, "-m", "ruff", "check", "--select=I", "--fix-only", "--quiet"]
    command += ["--config", str(ROOT / "pyproject.toml"), "--stdin-filename", str(STUB), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return typed_managers.format_stub(done.stdout, STUB.name)


# Type variables: of managers' objects, of resources, of collections' items.
VARIABLES = {"T": ', bound="Resource"', "R": ', bound="Resource"', "V": ""}


# -- A class -------------------------------------------------------------------------------------


def generate_class(cls: type) -> Iterator[Member]:
    """Yield the class of the views of a class's objects."""
    bases, homes = find_bases(cls), dict[str, str]()
    for base in bases:
        homes.update(dict.fromkeys(("Generic",), "typing") if base.startswith("Generic") else {})
        for name in typed_managers.WORD.findall(base):
            homes.update(find_class_home(name))
    parents = f"({', '.join(bases)})" if bases else ""
    yield Member(f"class {view_name(cls)}{parents}:", homes)
    count = 0
    for name in {**vars(cls), **parse_stub().get(f"Typed{cls.__name__}", {})}:
        for member in generate_members(cls, name):
            yield Member(f"    {member.text}", member.homes)
            count += 1
    for member in generate_loops(cls):
        yield Member(f"    {member.text}", member.homes)
        count += 1
    if not count:
        yield Member("    ...", {})


def find_bases(cls: type) -> list[str]:
    """Return the bases of a view's class, as text."""
    bases = []
    for base in getattr(cls, "__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        if origin.__name__ in _NO_BASES or not origin.__module__.startswith("synapse."):
            continue
        if is_resource(origin):
            own = cls.__name__ if is_declared(cls) else "R"
            bases.append(f"{view_name(origin)}[{own}]")
            continue
        arguments = [find_argument(cls, argument) for argument in get_args(base)]
        bases.append(view_name(origin) + (f"[{', '.join(arguments)}]" if arguments else ""))
    if not bases and is_resource(cls):
        return ["Generic[R]"]
    if not bases and is_generic(cls):
        return [f"Generic[{find_variable(cls)}]"]
    return bases


def find_argument(cls: type, argument: Any) -> str:
    """Return the argument of a generic base as text."""
    if isinstance(argument, TypeVar):
        return find_variable(cls)
    return str(getattr(argument, "__forward_arg__", None) or argument.__name__)


def generate_members(cls: type, name: str, leaf: type | None = None) -> Iterator[Member]:
    """Yield what an attribute of a class becomes, in a class that has it from there."""
    from synapse.aio.member_kinds import MemberKind, find_kind
    from synapse.orm import registry
    from synapse.orm.relations import ToMany

    kind = find_kind(leaf or cls, name)
    if kind is None:
        return
    found = inspect.getattr_static(cls, name)
    if isinstance(found, ToMany):
        manager = registry.get(found.target).__schema__.declared_manager
        yield Member(f"@property\n    def {name}(self) -> {view_name(manager)}: ...", {})
    elif kind in (MemberKind.CALL, MemberKind.STREAM, MemberKind.VIEW):
        yield from generate_method(cls, name, kind)
    else:
        yield generate_attribute(cls, name, found, kind)


def generate_method(cls: type, name: str, kind: Any) -> Iterator[Member]:
    """Yield a method, with its overloads."""
    from synapse.aio.member_kinds import MemberKind, find_result

    typed = parse_stub().get(f"Typed{cls.__name__}", {}).get(name)
    module = TYPED if typed else cls.__module__
    for node in typed or parse_module(module)[cls.__name__][name]:
        scope, homes = Scope(cls, module), dict[str, str]()
        arguments = scope.arguments(node.args)
        result = scope.text(present(node.returns))
        if kind is MemberKind.VIEW:
            returned = present(find_result(cls, getattr(cls, name)))
            if returned is cls:
                result, homes["Self"] = "Self", "typing_extensions"
            else:
                result = view_name(returned)
        elif kind is MemberKind.STREAM:
            result, homes["AsyncItems"] = (
                f"AsyncItems[{scope.item(node)}]",
                "synapse.aio.items",
            )
        head = "async def" if kind is MemberKind.CALL else "def"
        overload = ""
        if is_overload(node):
            overload, homes["overload"] = "@overload\n    ", "typing"
        if result == "None" or kind is not MemberKind.VIEW:
            homes.update(scope.homes)
        else:
            homes.update(
                {
                    k: v
                    for k, v in scope.homes.items()
                    if k in typed_managers.WORD.findall(arguments)
                }
            )
        yield Member(f"{overload}{head} {name}({arguments}) -> {result}: ...", homes)


def generate_attribute(cls: type, name: str, found: Any, kind: Any) -> Member:
    """Return a property."""
    from synapse.aio.member_kinds import MemberKind, find_result

    module = cls.__module__
    scope = Scope(cls, module)
    if isinstance(found, property):
        (node,) = parse_module(module)[cls.__name__][name][:1]
        text = scope.text(present(node.returns))
        if kind is MemberKind.VIEW_ATTRIBUTE:
            result = present(find_result(cls, present(found.fget)))
            return Member(f"@property\n    def {name}(self) -> {view_name(result)}: ...", {})
    elif type(found).__name__ in _DESCRIBED:
        scope = Scope(cls, type(found).__module__)
        text = scope.text(ast.parse(_DESCRIBED[type(found).__name__], mode="eval").body)
    elif hasattr(found, "__orig_class__"):
        (key,) = get_args(found.__orig_class__)
        text = getattr(key, "__forward_arg__", None) or key.__name__
    else:
        text = scope.text(ast.parse(str(cls.__annotations__[name]), mode="eval").body)
    if kind is MemberKind.ATTRIBUTE:
        text, scope.homes["Awaitable"] = f"Awaitable[{text}]", "collections.abc"
    return Member(f"@property\n    def {name}(self) -> {text}: ...", scope.homes)


def generate_loops(cls: type) -> Iterator[Member]:
    """Yield `__aiter__` and `__getitem__`, where the class itself has the ordinary ones."""
    from synapse.orm.query import Query

    methods = parse_module(cls.__module__).get(cls.__name__, {})
    homes = {"AsyncItems": "synapse.aio.items"}
    if "__iter__" in vars(cls) and "__iter__" in methods:
        scope = Scope(cls, cls.__module__)
        item = scope.item(methods["__iter__"][-1])
        yield Member(f"def __aiter__(self) -> AsyncItems[{item}]: ...", {**scope.homes, **homes})
    if "__getitem__" in vars(cls) and "__getitem__" in methods:
        scope, is_query = Scope(cls, cls.__module__), issubclass(cls, Query)
        for node in methods["__getitem__"]:
            result = scope.text(present(node.returns))
            if not (is_query and result == "Self"):
                result = f"Coroutine[Any, Any, {result}]"
            names = {"Coroutine": "collections.abc", "Any": "typing", "overload": "typing"}
            key = scope.arguments(node.args)
            yield Member(
                f"@overload\n    def __getitem__({key}) -> {result}: ...", {**scope.homes, **names}
            )


def generate_session(
    cls: type, resources: list[Any], managers: list[type], lazy: list[type]
) -> Iterator[Member]:
    """Yield the class of `session.aio`."""
    yield Member("class TypedAsyncSession:", {})
    for name in dir(cls):
        owner = next(base for base in cls.__mro__ if name in vars(base))
        if name == "manager":
            continue
        for member in generate_members(owner, name, cls):
            yield Member(f"    {member.text}", member.homes)
    for verb in ("manager", "__getitem__"):
        yield from generate_manager_access(verb, resources)
    for resource in resources:
        view = view_name(resource.__schema__.declared_manager)
        yield Member(f"    {resource.__schema__.plural}: {view}", {})
    for each in [*resources, *managers, *lazy]:
        homes = {each.__name__: each.__module__, "overload": "typing"}
        yield Member(
            "    @overload\n"
            f"    def __call__(self, target: {each.__name__}) -> {view_name(each)}: ...",
            homes,
        )
    yield Member(
        "    @overload\n    def __call__(self, target: Manager[R]) -> AsyncManager[R]: ...",
        {"Manager": "synapse.orm.manager"},
    )
    names = {
        "Any": "typing",
        "Resource": "synapse.orm.resource",
        "BaseManager": "synapse.orm.base_manager",
    }
    yield Member(
        "    @overload\n    def __call__(self, target: Resource | BaseManager[Any]) -> Any: ...",
        names,
    )


def generate_manager_access(verb: str, resources: list[Any]) -> Iterator[Member]:
    """Yield the overloads of a method that returns the manager of a class."""
    for cls in resources:
        homes = {cls.__name__: cls.__module__, "overload": "typing"}
        view = view_name(cls.__schema__.declared_manager)
        text = f"    @overload\n    def {verb}(self, cls: type[{cls.__name__}]) -> {view}: ..."
        yield Member(text, homes)
    yield Member(f"    @overload\n    def {verb}(self, cls: type[R]) -> AsyncManager[R]: ...", {})


# -- Names ---------------------------------------------------------------------------------------


class Scope:
    """The names of a class's source.

    Attributes:
        homes: The names in the texts so far, by the modules that they are from.
    """

    def __init__(self, cls: type, module: str) -> None:
        self.homes: Homes = {}
        self._cls = cls
        self._module = module

    def text(self, node: ast.expr) -> str:
        """Return an annotation as the stub has it."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body
        node = Renamer(self).visit(ast.parse(ast.unparse(node), mode="eval")).body
        return ast.unparse(node)

    def item(self, node: ast.FunctionDef) -> str:
        """Return the annotation of the items of a function's iterator."""
        return self.text(node.returns.slice)  # type: ignore[union-attr] # iterators have items

    def arguments(self, node: ast.arguments) -> str:
        """Return parameters, with the defaults that a reader understands."""
        node = ast.parse(f"def f({ast.unparse(node)}): ...").body[0].args  # type: ignore[attr-defined]
        every = [*node.posonlyargs, *node.args, *node.kwonlyargs, node.vararg, node.kwarg]
        for each in every:
            if each is not None and each.annotation is not None:
                is_self = each.arg in ("self", "cls")
                each.annotation = (
                    None if is_self else ast.parse(self.text(each.annotation), mode="eval").body
                )
        plain = ast.Constant(...)
        if node.args and node.args[0].arg == "cls":
            node.args[0].arg = "self"
        node.defaults = [d if isinstance(d, ast.Constant) else plain for d in node.defaults]
        node.kw_defaults = [
            d if d is None or isinstance(d, ast.Constant) else plain for d in node.kw_defaults
        ]
        return ast.unparse(node)

    def rename(self, name: str) -> str:
        """Return a name as the stub has it, and note where it is from."""
        module = importlib.import_module(self._module) if self._module != TYPED else None
        found = getattr(module, name, None)
        if name == "Self" and is_resource(self._cls):
            return self._own("R")
        if isinstance(found, TypeVar):
            if is_resource(self._cls):
                return name
            return "Self" if name == "Q" else find_variable(self._cls)
        if name in dir(builtins):
            return name
        self.homes[name] = self.find_home(name)
        return name

    def _own(self, variable: str) -> str:
        if not is_declared(self._cls):
            return variable
        self.homes[self._cls.__name__] = self._cls.__module__
        return self._cls.__name__

    def find_home(self, name: str) -> str:
        """Return the module that a name is from; `import x as name` is `x as name`."""
        table = parse_imports(self._module)
        return table.get(name, self._module)


class Renamer(ast.NodeTransformer):
    """Renames the names of an annotation."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Return the stub's name for a name."""
        return ast.Name(self._scope.rename(node.id))

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """Return the class that a quoted name stands for."""
        if isinstance(node.value, str) and node.value.isidentifier() and node.value[0].isupper():
            return ast.Name(self._scope.rename(node.value))
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """Return a subscript, in which the words of a `Literal` stay."""
        if isinstance(node.value, ast.Name) and node.value.id == "Literal":
            self._scope.rename("Literal")
            return node
        self.generic_visit(node)
        return node


def present(value: V | None) -> V:
    """Return a value that every annotated function has."""
    if value is None:
        raise SystemExit("a public function has no annotation")
    return value


def is_resource(cls: type) -> bool:
    """Return whether a class is a resource, or a base of some."""
    from synapse.orm.resource import Resource

    return issubclass(cls, Resource)


def is_generic(cls: type) -> bool:
    """Return whether a class has type variables of its own."""
    return any(
        (get_origin(base) or base) is Generic for base in vars(cls).get("__orig_bases__", ())
    )


def find_variable(cls: type) -> str:
    """Return the type variable of a class's items: managers' items are resources."""
    from synapse.orm.base_manager import BaseManager

    return "T" if issubclass(cls, BaseManager) else "V"


def is_declared(cls: type) -> bool:
    """Return whether a class is a resource of the server, and not a base of some."""
    return "__schema__" in vars(cls)


def view_name(cls: type) -> str:
    """Return the name of the class of a class's views."""
    return "AsyncSession" if cls.__name__ == "Session" else f"Async{cls.__name__.lstrip('_')}"


def find_class_home(name: str) -> Homes:
    """Return the module of a resource or value by its class's name, if the name is one."""
    from synapse.orm import registry

    for cls in registry.declared():
        if cls.__name__ == name:
            return {name: cls.__module__}
    values = importlib.import_module("synapse.resources.agent_values")
    return {name: values.__name__} if hasattr(values, name) else {}


# -- Sources -------------------------------------------------------------------------------------

Methods = dict[str, dict[str, list[ast.FunctionDef]]]


@cache
def parse_module(module: str) -> Methods:
    """Return the methods of a module's classes."""
    source = inspect.getsource(importlib.import_module(module))
    return find_methods(ast.parse(source))


@cache
def parse_stub() -> Methods:
    """Return the methods of the classes in the managers' stub."""
    return find_methods(ast.parse((ROOT / typed_managers.STUB).read_text(encoding="utf-8")))


def find_methods(tree: ast.Module) -> Methods:
    """Return the methods of classes by name; of overloads, those alone."""
    classes: Methods = {}
    for each in tree.body:
        if isinstance(each, ast.ClassDef):
            methods: dict[str, list[ast.FunctionDef]] = {}
            for node in each.body:
                if isinstance(node, ast.FunctionDef):
                    methods.setdefault(node.name, []).append(node)
            classes[each.name] = {name: pick(nodes) for name, nodes in methods.items()}
    return classes


def pick(nodes: list[ast.FunctionDef]) -> list[ast.FunctionDef]:
    """Return the overloads of a method, or the method if it has none."""
    return [node for node in nodes if is_overload(node)] or nodes


def is_overload(node: ast.FunctionDef) -> bool:
    """Return whether a definition is one of several for type checkers."""
    return any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list)


@cache
def parse_imports(module: str) -> Homes:
    """Return the modules that the names of a module are from."""
    if module == TYPED:
        source = (ROOT / typed_managers.STUB).read_text(encoding="utf-8")
    else:
        source = inspect.getsource(importlib.import_module(module))
    homes: Homes = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            homes.update({each.asname or each.name: node.module for each in node.names})
        elif isinstance(node, ast.Import):
            for each in node.names:
                if each.asname:
                    homes[each.asname] = f"{each.name} as"
                else:
                    homes[each.name] = ""
    return homes


def add(homes: Homes, more: Homes) -> None:
    """Add names; one name can't be from two modules."""
    for name, home in more.items():
        other = homes.setdefault(name, home)
        if other != home:
            same = getattr(importlib.import_module(other), name, None)
            if same is None or same is not getattr(importlib.import_module(home), name, None):
                raise SystemExit(f"{name} is from {other} and {home}: rename one of them")


def generate_imports(homes: Homes, text: str) -> Iterator[str]:
    """Yield the imports of the names in a text."""
    used = set(typed_managers.WORD.findall(text))
    by_home: dict[str, list[str]] = {}
    for name in sorted((used & homes.keys() | {"TypeVar"}) - VARIABLES.keys()):
        home = homes.get(name, "typing")
        by_home.setdefault(home, []).append(name)
    group = 0
    for home in sorted(by_home, key=lambda home: (typed_managers.rank(home.split(" ")[0]), home)):
        rank = typed_managers.rank(home.split(" ")[0])
        if rank != group:
            yield ""
        group = rank
        names = sorted(by_home[home], key=typed_managers.place)
        if home.endswith(" as"):
            yield f"import {home} {names[0]}"
        elif not home:
            yield from (f"import {name}" for name in names)
        else:
            yield f"from {home} import {', '.join(names)}"


def main(arguments: list[str]) -> int:
    """Print the stub, or write the file."""
    sys.path.insert(0, str(ROOT))
    text = generate()
    if "--write" in arguments:
        (ROOT / STUB).write_text(text, encoding="utf-8")
        print(f"{ROOT / STUB}: {text.count(chr(10))} lines")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
