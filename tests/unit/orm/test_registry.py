"""Declared classes by name, and what was probably meant."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import attrs
import pytest

import synapse.resources
from synapse import GroundTruth, Project, Session, Task
from synapse._internal.hints import suggestion
from synapse.errors import SynapseError, UsageError
from synapse.orm import registry
from synapse.orm.resource import Resource


def test_a_class_is_found_by_its_name() -> None:
    assert registry.get("Task") is Task


def test_a_class_is_found_by_the_name_of_its_manager() -> None:
    assert registry.get_by_plural("tasks") is Task
    assert registry.get_by_plural("task") is None


def test_an_unknown_class_is_named_with_what_was_meant() -> None:
    with pytest.raises(SynapseError, match="No resource 'Taks' is declared; did you mean 'Task'"):
        registry.get("Taks")


def test_classes_come_in_the_order_of_declaration() -> None:
    names = [cls.__name__ for cls in registry.declared()]
    assert names.index("Project") < names.index("Task")
    assert len(names) == len(set(names))


def declare(name: str, plural: str, *, module: str = __name__) -> type[Resource]:
    """Make a class as `@resource` does; `module` says where."""
    schema = attrs.evolve(Project.__schema__, name=name, plural=plural)
    return type(name, (Project,), {"__schema__": schema, "__module__": module})


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget at the end what a test declares."""
    monkeypatch.setattr(registry, "_CLASSES", dict(registry._CLASSES))


@pytest.mark.usefixtures("own_registry")
class TestTakenNames:
    def test_declaring_a_class_again_replaces_it(self) -> None:
        for plural in ("cameras", "cameras", "devices"):
            camera = declare("Camera", plural)
            registry.register(camera)
            assert registry.get("Camera") is camera
            assert registry.get_by_plural(plural) is camera

    @pytest.mark.parametrize("cls", list(registry.declared()), ids=lambda cls: cls.__name__)
    def test_of_the_packages_classes_are_refused(self, cls: type[Resource]) -> None:
        message = f"The name {cls.__name__} is taken by {cls.__module__}.{cls.__name__}. Give your"
        with pytest.raises(UsageError, match=message):
            registry.register(declare(cls.__name__, "cameras"))
        plural = cls.__schema__.plural
        with pytest.raises(UsageError, match=f"manager '{plural}' is taken by {cls.__module__}"):
            registry.register(declare("Camera", plural))
        assert registry.get(cls.__name__) is cls
        assert registry.get_by_plural(plural) is cls

    def test_of_another_library_are_refused(self) -> None:
        camera = declare("Camera", "cameras", module="library.one")
        registry.register(camera)
        with pytest.raises(UsageError, match=r"The name Camera is taken by library\.one\.Cam"):
            registry.register(declare("Camera", "my_cameras", module="library.two"))
        with pytest.raises(UsageError, match=r"The manager 'cameras' is taken by library\.one"):
            registry.register(declare("MyCamera", "cameras", module="library.two"))
        assert registry.get_by_plural("cameras") is camera

    @pytest.mark.parametrize("plural", ["client", "health", "close", "me", "key", "lazy"])
    def test_of_a_sessions_attributes_are_refused(self, plural: str) -> None:
        with pytest.raises(UsageError, match=f"Sessions have an attribute '{plural}' already"):
            registry.register(declare("Camera", plural))


@pytest.mark.parametrize("cls", list(registry.declared()), ids=lambda cls: cls.__name__)
def test_only_the_module_of_a_class_is_imported_for_it(
    cls: type[Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[str] = []
    monkeypatch.setattr(synapse.resources, "load", imported.append)
    for name in (cls.__name__, cls.__schema__.plural):
        synapse.resources._load_exported(name)
    assert imported == [cls.__module__] * 2


def test_a_class_that_no_index_has_is_sought_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = type(
        "Hidden", (Project,), {"__schema__": attrs.evolve(Project.__schema__, plural="x")}
    )
    monkeypatch.setattr(registry, "_CLASSES", dict(registry._CLASSES))
    asked: list[str] = []
    sources = [asked.append, lambda name: registry.register(hidden)]
    monkeypatch.setattr(registry, "_LOADERS", sources)
    assert registry.get("Hidden") is hidden
    assert asked[0] == "Hidden"
    asked.clear()
    monkeypatch.setattr(registry, "_CLASSES", {})
    assert registry.get_by_plural("x") is hidden
    assert asked[0] == "x"


def test_a_session_loads_the_declarations_that_it_needs() -> None:
    code = """
import sys, synapse
session = synapse.Session("http://127.0.0.1:9", "token")
before = {name for name in sys.modules if name.startswith("synapse.resources.")}
session.projects
print(not before, "synapse.resources.projects" in sys.modules)
others = {f"synapse.resources.{name}" for name in ("data", "jobs", "ml", "plugins")}
print(others & set(sys.modules))
session.models
print("synapse.resources.models" in sys.modules)
"""
    assert run(code) == ["True True", "set()", "True"]


# Does something in the middle of a module: between its first class and its second.
INTERVENING = """
import sys, threading, synapse
from synapse.orm import declaration, registry
session = synapse.Session("http://127.0.0.1:9", "token")
declare, paths = declaration.resource, []
def resource(path, **options):
    paths.append(path)
    if paths == ["ground_truths/", "ground_truth_events/"]:
        intervene()
    return declare(path, **options)
declaration.resource = resource
"""


def run(code: str, *arguments: str) -> list[str]:
    """Run code in a fresh process, and return the lines that it prints."""
    # From Python 3.12 on, a fork beside threads warns; some of these tests make one.
    options = ["-W", "ignore:This process:DeprecationWarning"]
    command = [sys.executable, *options, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_threads_that_ask_for_everything_at_once_all_get_it() -> None:
    code = """
import sys, threading, synapse
from synapse.orm import registry
names = sys.argv[1:]
session, found = synapse.Session("http://127.0.0.1:9", "token"), []
ready = threading.Barrier(2 * len(names))
def ask(name):
    ready.wait()
    found.append(getattr(session, name)._resource.__schema__.plural)
    registry.get("Task"), registry.get("DataFile"), registry.get("PluginRelease")
threads = [threading.Thread(target=ask, args=(name,)) for name in names * 2]
sys.setswitchinterval(1e-6)
for one in threads: one.start()
for one in threads: one.join()
print(sorted(found) == sorted(names * 2), len(set(found)))
"""
    # Other tests declare resources of their own, which the process doesn't know.
    declared = [cls for cls in registry.declared() if cls.__module__.startswith("synapse.")]
    names = [cls.__schema__.plural for cls in declared]
    assert run(code, *names) == [f"True {len(names)}"]


def test_a_class_is_found_only_when_its_module_is_complete() -> None:
    code = """
def intervene():
    print("GroundTruth" in registry._CLASSES)
session.ground_truths
print("GroundTruth" in registry._CLASSES)
"""
    assert run(INTERVENING + code) == ["False", "True"]


def test_an_interrupted_import_is_done_again() -> None:
    code = """
def intervene():
    raise KeyboardInterrupt
try:
    session.ground_truths
except KeyboardInterrupt:
    print("interrupted")
print(session.ground_truths.filter(project=1))
from synapse.resources.ground_truths import GroundTruth
found = registry.get("GroundTruth")
print(session.ground_truths._resource is found is synapse.GroundTruth is GroundTruth)
"""
    assert run(INTERVENING + code) == [
        "interrupted",
        "<GroundTruthManager[GroundTruth] where project=1>",
        "True",
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on this system")
@pytest.mark.parametrize(
    "use", ["session.ground_truths", "synapse.GroundTruth", "pickle.loads(pickled)"]
)
def test_a_fork_waits_for_an_import_that_another_thread_is_at(offline: Session, use: str) -> None:
    (truth,) = offline.identity.load(GroundTruth, [{"id": 1}])
    code = f"""
import pickle
pickled = {pickle.dumps(truth)!r}
use = lambda: {use}
"""
    code += """
import os, synapse.resources
importing, forking = threading.Event(), threading.Event()
def intervene():
    importing.set()
    forking.wait()
os.register_at_fork(before=forking.set)  # before those that were registered earlier
thread = threading.Thread(target=use)
thread.start()
importing.wait()
child = os.fork()
if not child:
    print(session.ground_truths, session.ground_truth_events, flush=True)
    os._exit(0)
os.waitpid(child, 0)
thread.join()
"""
    assert run(INTERVENING + code) == [
        "<GroundTruthManager[GroundTruth]> <GroundTruthEventManager[GroundTruthEvent]>"
    ]


@pytest.mark.parametrize("before", ["", "session.projects", "dir(session)"])
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("Project", 'plural="my_projects"', "The name Project is taken by synapse.resources."),
        ("Mine", "", "The manager 'projects' is taken by synapse.resources.projects.Project."),
    ],
)
def test_a_declaration_never_replaces_the_packages_class_whatever_came_before(
    before: str, name: str, options: str, message: str
) -> None:
    code = f"""
import synapse
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import Manager
from synapse.orm.resource import Editable
session = synapse.Session("http://127.0.0.1:9", "token")
{before}
class Managers(Manager["{name}"]):
    __slots__ = ()
try:
    @resource("projects/", manager=Managers, {options})
    class {name}(Editable):
        id: int = field(read_only=True)
except synapse.UsageError as error:
    print(error)
print(session.projects)
"""
    refusal, manager = run(code)
    assert refusal.startswith(message)
    assert manager == "<ProjectManager[Project]>"


def test_a_class_that_is_imported_alone_knows_the_others_and_connects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "token")
    code = """
from synapse.resources.models import Model
print(Model.objects.expand("project")._session, Model.objects)
"""
    assert run(code) == ["Session('http://127.0.0.1:9/') <ModelManager[Model]>"]


@pytest.mark.parametrize(
    ("word", "known", "text"),
    [
        ("statsu", ["status", "size"], "; did you mean 'status'?"),
        ("prio", ["id", "priority"], "; did you mean 'priority'?"),
        ("select", ["delete", "values"], ". There are: delete, values."),
        ("xyzzy", ["b", "a"], ". There are: a, b."),
        ("xyzzy", [], "."),
        (5, ["five"], ". There are: five."),
    ],
)
def test_what_was_meant_is_one_near_name_or_all(word: object, known: list[str], text: str) -> None:
    assert suggestion(word, known) == text


def test_what_is_not_offered_is_refused_with_what_there_is(offline: Session) -> None:
    with pytest.raises(
        AttributeError, match=r"has no 'create'. Jobs: .* `plugin.run\(\)` starts one"
    ):
        offline.jobs.create  # noqa: B018 - reading it raises
    (job,) = offline.identity.load(synapse.Job, [{"id": 1}])
    with pytest.raises(AttributeError, match=r"^Job has no 'delete': the server"):
        job.delete  # noqa: B018 - reading it raises


def test_python_adds_no_suggestion_of_its_own() -> None:
    code = "import synapse; synapse.Session('http://127.0.0.1:9', 'token').tsks"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.splitlines()[-1] == (
        "AttributeError: Session has no 'tsks'; did you mean 'tasks'?"
    )


def test_a_misspelled_manager_is_refused_with_what_was_meant(offline: Session) -> None:
    with pytest.raises(AttributeError, match="Session has no 'porjects'; did you mean 'projects'"):
        offline.porjects  # noqa: B018
