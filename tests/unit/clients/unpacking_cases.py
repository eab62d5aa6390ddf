"""The statements that read rows, and the results; runs on every Python, without the package.

    python tests/unit/clients/unpacking_cases.py synapse/clients/unpacking.py

prints the statements with another result than the expected one.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from typing import Any

# `rows` has exactly two rows, which are easily mistaken for a pair; `more` has three. The names
# `a` and `b` are the result.
PAIR = [
    "a, b = rows",
    "[a, b] = rows",
    "(a, b) = rows",
    "a, b = more",
    "(a, b), c = rows, 1",
    "c, (a, b) = 1, rows",
    "for a, b in [rows]: pass",
    "for _, (a, b) in enumerate([rows]): pass",
    "a, b = [pair for pair in [(x, y) for x, y in [rows]]][0]",
    "a, b = next((x, y) for x, y in [rows])",
    "a, b = load()",
    "a, b = (lambda: rows)()",
    "a, b = keywords(value=rows)",
    "c = a, b = rows",
    "holder.a, holder.b = rows; a, b = vars(holder).values()",
    "found = {}; found['a'], found['b'] = rows; a, b = found.values()",
    "with context() as (a, b): pass",
    "a, b = rows if rows else None",
    "a, b = iter_only(rows)",
    "def f():\n    a, b = rows\n    return (a, b)\na, b = f()",
    "class C:\n    a, b = rows\na, b = C.a, C.b",
    "def f():\n    global a, b\n    a, b = rows\nf()",
]
ROWS = [
    "a, b = list(rows)",
    "a, b = tuple(rows)",
    "a, b = iter(rows)",
    "a, b = sorted(rows)",
    "a, b = [row for row in rows]",
    "a, b = (row for row in rows)",
    "a, b = [*rows]",
    "a, b = (*rows,)",
    "a, b = arguments(*rows)",
    "a, b = map(str.lower, rows)",
    "a, b = zip(*[rows]); (a,), (b,) = a, b",
    "(_, a), (_, b) = enumerate(rows)",
    "a, b = reversed(rows); a, b = b, a",
    "a, *rest = rows; b, = rest",
    "*rest, b = rows; a, = rest",
    "a, *rest, b = rows",
    "a, b, c = more; a, b = b, c",
    "for_a = []\nfor row in rows: for_a.append(row)\na, b = for_a",
    "a, b = rows[0], rows[1]",
    "a, b = rows[:2]",
    "a, b = generator()",
    "a, b = from_generator()",
    "c = []; c.extend(rows); a, b = c",
    "c = []; c += rows; a, b = c",
    "a, b = dict.fromkeys(rows)",
    # `__iter__` is called while the frame unpacks the `map` or generator around it.
    "c, d = map(list, [rows, more]); a, b = c",
    "c, d = map(iter, [rows, more]); a, b = list(c)",
    "c, d = map(enumerate, [rows, more]); (_, a), (_, b) = list(c)",
    "c, d = (list(x) for x in [rows, more]); a, b = c",
    "it = iter(rows); a = next(it); b = next(it)",
    "match 'x':\n    case _: a, b = list(rows)",
    ", ".join(f"n{number}" for number in range(258)) + " = many; a, b = n0, n1",
]


def load_module(path: str) -> Any:
    """Import the module of a path, whatever package it belongs to."""
    spec = importlib.util.spec_from_file_location("unpacking", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_class(unpacking: Any) -> type:
    """Return a sequence that uses the module as `AllRows` does."""

    class Rows:
        def __init__(self, *rows: str) -> None:
            self.rows = rows
            self.current: Any = None

        def __iter__(self) -> Iterator[Any]:
            place = unpacking.find_pair_unpacking(sys._getframe(1))
            if place is None:
                return iter(self.rows)
            self.current = unpacking.PairOrRows(
                place, lambda: ("iterator", len(self.rows)), lambda: iter(self.rows)
            )
            return self.current  # type: ignore[no-any-return] # of a module without a name

        def __len__(self) -> int:
            if self.current is not None:
                self.current.choose_rows()
            return len(self.rows)

        def __getitem__(self, index: Any) -> Any:
            return self.rows[index]

    return Rows


def run(statement: str, rows_class: Callable[..., Any]) -> tuple[Any, Any]:
    """Execute a statement; return the values of `a` and `b`."""

    class Context:
        def __enter__(self) -> Any:
            return names["rows"]

        def __exit__(self, *_: object) -> None:
            pass

    def generator() -> Iterator[Any]:
        yield from names["rows"]

    names: dict[str, Any] = {
        "rows": rows_class("x", "y"),
        "more": rows_class("w", "x", "y"),
        "many": rows_class("x", "y", *map(str, range(256))),
        "load": lambda: names["rows"],
        "keywords": lambda value: value,
        "arguments": lambda a, b: (a, b),
        "iter_only": lambda value: value,
        "generator": generator,
        "from_generator": lambda: generator(),
        "context": Context,
        "holder": type("Holder", (), {})(),
    }
    exec(statement, names)
    return names["a"], names["b"]


def find_wrong(rows_class: Callable[..., Any]) -> list[str]:
    """Return the statements whose result is wrong."""
    wrong = [
        f"{statement!r}: {result}"
        for statement in PAIR
        if (result := run(statement, rows_class)) not in [("iterator", 2), ("iterator", 3)]
    ]
    return wrong + [
        f"{statement!r}: {result}"
        for statement in ROWS
        if (result := run(statement, rows_class)) != ("x", "y")
    ]


if __name__ == "__main__":
    print("\n".join(find_wrong(make_class(load_module(sys.argv[1])))), end="")
