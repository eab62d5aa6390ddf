"""Resources of other packages, found by their entry points."""

from __future__ import annotations

import logging
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from synapse import Session
from synapse.errors import ConfigurationError
from synapse.orm import discovery, registry

Install = Callable[..., None]

DECLARATION = """
    from __future__ import annotations
    from synapse.extending import Editable, Manager, field, resource

    class {cls}Manager(Manager["{cls}"]):
        __slots__ = ()

    @resource("{plural}/", manager={cls}Manager)
    class {cls}(Editable):
        id: int = field(read_only=True)
        name: str = field()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs packages, as `pip install` leaves them; forgets what they declared."""
    monkeypatch.setattr(registry, "_CLASSES", dict(registry._CLASSES))
    monkeypatch.setattr(discovery, "_reported", set())
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def install(name: str, points: str, text: str = "") -> None:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        folder = tmp_path / f"{name}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (folder / "entry_points.txt").write_text(f"[synapse.resources]\n{points}\n")

    yield install
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_managers_are_found_by_their_name(install: Install, offline: Session) -> None:
    declaration = DECLARATION.format(cls="Lens", plural="lenses")
    install("lensware", "lenses = lensware:Lens", declaration)
    install("otherware", "filters = otherware:Filter", "raise RuntimeError('never imported')")
    assert offline.tasks is not None
    assert "lensware" not in sys.modules

    manager = offline.lenses  # type: ignore[attr-defined] # found at run time

    assert repr(manager) == "<LensManager[Lens]>"
    assert "otherware" not in sys.modules
    assert registry.get("Lens") is sys.modules["lensware"].Lens
    assert "lenses" in dir(offline)


def test_classes_are_found_by_their_name(install: Install) -> None:
    install("bulbware", "bulbs = bulbware:Bulb", DECLARATION.format(cls="Bulb", plural="bulbs"))

    assert registry.get("Bulb").__schema__.plural == "bulbs"


def test_broken_ones_break_only_themselves(
    install: Install, offline: Session, caplog: pytest.LogCaptureFixture
) -> None:
    install("brokenware", "knobs = brokenware:Knob", "import nothing_of_that_name")
    install("dialware", "dials = dialware:Dial", DECLARATION.format(cls="Dial", plural="dials"))

    with pytest.raises(
        ConfigurationError, match=r"'knobs' = 'brokenware:Knob' of brokenware 1\.2.*nothing_of"
    ):
        offline.knobs  # type: ignore[attr-defined] # found at run time # noqa: B018 - it raises
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert "dials" in dir(offline)
            assert "knobs" not in dir(offline)
    assert [record.name for record in caplog.records] == ["synapse.orm"]
    assert "brokenware 1.2" in caplog.text
    assert offline.dials is not None  # type: ignore[attr-defined] # found at run time


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("missing", "", "AttributeError"),
        ("plain", "class Cap: pass", "not a resource"),
        ("other", DECLARATION.format(cls="Cap", plural="hats"), "Name the entry point 'hats'"),
        ("taken", DECLARATION.format(cls="Task", plural="caps"), "The name Task is taken"),
    ],
)
def test_entry_points_that_name_something_else(
    install: Install, offline: Session, name: str, text: str, message: str
) -> None:
    cls = "Task" if name == "taken" else "Cap"
    install(f"{name}ware", f"caps = {name}ware:{cls}", text)

    with pytest.raises(ConfigurationError, match=message):
        offline.caps  # type: ignore[attr-defined] # found at run time # noqa: B018 - it raises


def test_one_name_of_two_packages_is_refused(install: Install, offline: Session) -> None:
    for name in ("oneware", "twoware"):
        install(name, f"pens = {name}:Pen", DECLARATION.format(cls="Pen", plural="pens"))

    with pytest.raises(ConfigurationError, match=r"oneware 1\.2.*twoware 1\.2") as caught:
        offline.pens  # type: ignore[attr-defined] # found at run time # noqa: B018 - it raises
    assert "Uninstall" in str(caught.value)


def test_names_of_the_sdk_are_never_looked_up(install: Install, offline: Session) -> None:
    install("greedyware", "tasks = greedyware:Task", "raise RuntimeError('never imported')")

    assert offline.tasks is not None
    with pytest.raises(AttributeError, match="did you mean 'tasks'"):
        offline.taskz  # type: ignore[attr-defined] # misspelled # noqa: B018 - it raises
    assert "greedyware" not in sys.modules


def test_a_module_that_exits_is_a_broken_one(install: Install, offline: Session) -> None:
    install("exitware", "exits = exitware:Exit", "raise SystemExit(3)")

    assert "exits" not in dir(offline)
    with pytest.raises(ConfigurationError, match="SystemExit"):
        offline.exits  # type: ignore[attr-defined] # found at run time # noqa: B018 - it raises


def test_a_malformed_value_breaks_no_other_name(install: Install, offline: Session) -> None:
    install("oddware", "odds = no module : or class")
    install("evenware", "evens = evenware:Even", DECLARATION.format(cls="Even", plural="evens"))

    assert offline.evens is not None  # type: ignore[attr-defined] # found at run time
    assert registry.get("Even").__schema__.plural == "evens"
    with pytest.raises(ConfigurationError, match="oddware"):
        offline.odds  # type: ignore[attr-defined] # found at run time # noqa: B018 - it raises
