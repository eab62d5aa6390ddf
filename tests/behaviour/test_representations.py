"""Every object shows itself without a request, in bounded size, escaped, apart from others."""

from __future__ import annotations

import pkgutil
from collections import Counter
from datetime import datetime
from html.parser import HTMLParser
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

import synapse
from synapse import Session, stats
from synapse._internal.described import Described
from synapse._internal.live_output import ChangingView
from synapse.annotations import (
    Answer,
    Box,
    BoxTrack,
    Cuboid,
    FrameSection,
    Group,
    Keypoint,
    Label,
    LabelClass,
    Mask,
    NamedEntity,
    OtherAnnotation,
    PointSet,
    Polygon,
    Polyline,
    Problem,
    Prompt,
    Relation,
    TimeRange,
    TimeSection,
    read_document,
    write_document,
)
from synapse.doctor.report import DoctorReport, Finding
from synapse.errors import (
    BulkError,
    JobFailed,
    NotFound,
    SynapseError,
    UsageError,
    ValidationError,
)
from synapse.formats import FormatReport
from synapse.orm import registry
from synapse.orm.base_manager import BaseManager
from synapse.orm.convert import ValueObject
from synapse.orm.frame_updates import FrameReport
from synapse.orm.pages import ObjectPage
from synapse.orm.resource import Resource
from synapse.resources.agent_collections import (
    AgentJobs,
    AgentReleases,
    ClusterTasks,
    Nodes,
    ServedApplications,
)
from synapse.resources.agent_values import (
    AgentHealth,
    AgentJob,
    AgentRelease,
    ClusterTask,
    Metrics,
    Node,
    ServedApplication,
)
from synapse.resources.bulk_annotation import AnnotationReport
from synapse.resources.project_import import ImportReport
from synapse.resources.project_summary import ProjectSummary
from synapse.transfer.bulk.report import DownloadReport, Failure, SyncReport, UploadReport

CLASSES = sorted(registry.declared(), key=lambda cls: cls.__name__)
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)

EVIL = "<script>alert('1')</script>\"\0\udcff&"
LARGEST = 40 * 1024


class Checker(HTMLParser):
    """Collects elements and refuses those that could act, or that a host would remove."""

    ALLOWED = {
        *("div", "span", "b", "table", "thead", "tbody", "tr", "td", "th", "img", "a"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.ALLOWED
        names = dict(attrs)
        assert not {name for name in names if name.startswith("on") or name == "id"}
        assert str(names.get("src", "data:image/svg+xml;base64,")).startswith("data:image/svg+xml")
        assert "var(" not in str(names.get("style"))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def check(shown: Described) -> str:
    """Check an object's representations, and return the text of the HTML."""
    bundle = shown._repr_mimebundle_()
    text, html = bundle["text/plain"], bundle["text/html"]
    assert len(text) <= 1_000
    assert "\n" not in text or isinstance(shown, SynapseError)
    assert len(html.encode()) <= LARGEST
    assert "<script" not in html
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    for name, value in shown.__rich_repr__():
        assert len(name) + len(repr(value)) <= 1_000
    return " ".join(checker.texts)


def values_of(cls: type[Resource], text: str, number: int) -> dict[str, Any]:
    """Return a row with hostile values in every field."""
    row: dict[str, Any] = {}
    for name, field in cls.__schema__.fields.items():
        if name in ("id", cls.__schema__.key):
            continue
        if field.is_relation:
            row[name] = [number] * 500 if field.declared.is_many else number
        elif field.kind in (int, float) or name in ("assignee", "group"):
            row[name] = number
        elif field.kind is bool:
            row[name] = True
        elif field.kind is datetime:
            row[name] = "2026-01-31T12:00:00Z"
        elif field.is_list or "dict" in str(field.kind):
            row[name] = {f"{text}{at}": {"a": [text] * 100} for at in range(500)}
        else:
            row[name] = text * 1_000
    return row


@pytest.fixture
def offline() -> Any:
    """A session to a port where nobody listens."""
    with Session("http://127.0.0.1:9", "tok-0123456789abcdef") as session:
        yield session
        assert session.request_count == 0


@each_class
def test_resource_shows_itself(offline: Session, cls: type[Resource]) -> None:
    schema = cls.__schema__
    text_ids = str in schema.fields[schema.key].id_types
    first, second, stub = (f"k{n}" if text_ids else n for n in (1, 2, 3))
    rows = [{schema.key: key, "id": key, **values_of(cls, EVIL, 7)} for key in (first, second)]

    one, other = offline.identity.load(cls, rows)
    empty = offline.identity.get_or_stub(cls, stub)

    shown = [check(one), check(other), check(empty)]
    assert len({repr(one), repr(other), repr(empty)}) == 3
    assert len(set(shown)) == 3
    assert all(cls.__name__ in text for text in shown)


@each_class
def test_summary_names_fields(cls: type[Resource]) -> None:
    assert set(cls.__schema__.summary) <= set(cls.__schema__.fields)
    assert cls.__schema__.summary, "say which fields tell one object from another"


@each_class
def test_manager_and_query_show_themselves(offline: Session, cls: type[Resource]) -> None:
    manager = getattr(offline, cls.__schema__.plural)

    check(manager)
    if cls.__schema__.list_path is not None:
        check(manager.filter(params={EVIL: EVIL * 1_000}).search(EVIL)[5:10])
        check(manager.values())


def test_real_objects_are_shown_without_a_request(session: Session, project: Any) -> None:
    task = project.tasks[0]
    page = next(project.tasks.pages())
    before = session.request_count

    shown = [check(each) for each in (project, task, page, project.tasks, session, task.data_unit)]

    assert session.request_count == before
    assert "Streets" in shown[0]
    assert "Project" in shown[1]
    assert "pending" in shown[2]
    assert repr(page) == "<ObjectPage: 2 of 2 objects>"


def test_unit_is_known_by_its_file(session: Session, unit: synapse.DataUnit) -> None:
    assert repr(unit) == f"<DataUnit {unit.id} files='sample.txt'>"


def test_session_shows_where_and_as_whom(session: Session, emulator: Any) -> None:
    assert "not loaded; session.me" in check(session)

    name = session.me.username
    before = session.request_count
    text = check(session)

    assert repr(session) == f"Session({session.transport.base_url!r}, user={name!r})"
    assert name in text
    assert session.transport.base_url in text
    assert emulator.api_token not in text
    assert session.request_count == before


def test_changed_field_is_marked(session: Session, project: Any) -> None:
    project.title = "Roads"

    assert "Roads  (not saved)" in check(project)
    project.revert()


def test_annotations_are_drawn(session: Session, project: Any) -> None:
    task = project.tasks[0]
    document = write_document([Box(1, 2, 30, 40, label="<b>")], sizes={"image_1": (100, 80)})
    task.annotate(document)
    before = session.request_count

    html = task._repr_mimebundle_()["text/html"]
    assert html.count('<img src="data:image/svg+xml;base64,') == 1
    check(task)
    assert session.request_count == before


@pytest.mark.parametrize(
    ("document", "is_drawn"),
    [
        (
            {
                "annotations": {"image_1": [EVIL, None, 5]},
                "annotationsData": {"image_1": [[], {}]},
            },
            False,
        ),
        ({EVIL: [[[]]]}, False),
        (write_document([Polygon([(n % 301, n % 207) for n in range(100_000)], label="a")]), True),
        (write_document([Box(n, n, 5, 5, label=f"<b>{n}") for n in range(2_000)]), True),
    ],
    ids=["broken", "unknown", "long polygon", "many boxes"],
)
def test_hostile_documents_are_shown(offline: Session, document: Any, is_drawn: bool) -> None:
    task = offline.identity.load(synapse.Task, [{"id": 1, "data": document}])[0]

    check(task)
    assert ("<img" in task._repr_mimebundle_()["text/html"]) == is_drawn


OTHERS = [
    synapse.UnitFile(path=EVIL * 100, url="https://b.example/a?X-Amz-Signature=s3cret"),
    synapse.FileSpecification(name=EVIL, file_type="image"),
    synapse.ConsoleLine(message=EVIL * 1_000),
    AgentJob(id="a", message=EVIL * 1_000),
    AgentRelease(key=EVIL, plugin=EVIL, version=EVIL * 100),
    Metrics(panel=EVIL, values={EVIL: EVIL * 1_000}),
    LabelClass(EVIL, ("bounding_box",) * 1_000),
    Box(1, 2, 3, 4, label=EVIL * 1_000, attributes={EVIL: EVIL * 1_000}),
    Polygon([(n, n) for n in range(100_000)]),
    read_document(write_document([Box(1, 2, 3, 4, label=f"{EVIL}{n}") for n in range(500)])),
    UploadReport(
        failed=[Failure(EVIL * 1_000, UsageError(EVIL * 1_000))] * 1_000, notes=[EVIL] * 50
    ),
    DownloadReport(failed=[Failure(EVIL, UsageError(EVIL))]),
    AnnotationReport(done=list(range(100_000)), failed={n: UsageError(EVIL) for n in range(1_000)}),
    FormatReport(),
    ImportReport("coco", EVIL, FormatReport(), UploadReport()),
    SynapseError(EVIL),
    NotFound(404, EVIL, url="http://127.0.0.1:9/", method="GET", hint=EVIL),
    ValidationError(400, "no", fields={EVIL: [EVIL * 1_000] * 5, "items": [{"a": [EVIL] * 1_000}]}),
    BulkError("stopped", errors=dict.fromkeys(range(1_000), EVIL)),
    JobFailed("Job 7 failed.", job_id="7", status="failed", lines=[EVIL] * 50),
]


NAME = EVIL * 1_000
# Text that JSON can hold.
TEXT = NAME.replace("\udcff", "")
OTHERS += [
    Answer([{"text": TEXT}] * 1_000, label=NAME, model=TEXT),
    BoxTrack(dict.fromkeys(range(10000), (1, 2, 3, 4)), label=NAME),
    Cuboid((1, 2, 3), (4, 5, 6), label=NAME),
    FrameSection(1, 20, label=NAME),
    Group([NAME] * 1_000, label=NAME),
    Keypoint(1, 2, label=NAME),
    Label(label=NAME, attributes={NAME: [NAME] * 1_000}),
    Mask([(at * 3, 2) for at in range(50_000)], label=NAME, size=(1_000, 1_000)),
    NamedEntity([{"start": 1}] * 1_000, NAME, label=NAME),
    OtherAnnotation(label=NAME),
    PointSet(range(100_000), label=NAME),
    Polyline([(n, n) for n in range(100_000)], label=NAME),
    Prompt([{"text": TEXT}] * 1_000, label=NAME),
    Relation(NAME, NAME, label=NAME),
    TimeRange(1, 2, excluded_tracks=[NAME] * 1_000, label=NAME),
    TimeSection(1, 2, label=NAME),
    Problem("unknown-class", NAME, Box(1, 2, 3, 4, label=NAME)),
    AgentHealth(status=NAME, detail=NAME),
    ClusterTask(id=NAME, name=NAME),
    Node(id=NAME, labels={NAME: NAME}),
    ServedApplication(name=NAME, message=NAME),
    DoctorReport((Finding("server", "failed", NAME, NAME),) * 12),
    FrameReport(changed=list(range(100_000)), columns=Counter(priority=5)),
    ProjectSummary(
        NAME, 5, {NAME: 5}, {f"{NAME}{at}": 1 for at in range(500)}, {None: 5}, {NAME: 5}
    ),
    SyncReport(failed=[Failure(NAME, UsageError(NAME))] * 1_000, notes=[NAME] * 50),
    *(kind(MagicMock()) for kind in (AgentReleases, ClusterTasks, Nodes, ServedApplications)),
]


@pytest.mark.parametrize(
    "shown",
    OTHERS,
    ids=lambda each: type(each).__name__,
)
def test_other_objects_show_themselves(shown: Described) -> None:
    check(shown)


def test_tables_that_ask_later_show_themselves(offline: Session) -> None:
    query = offline.tasks.filter(params={EVIL: NAME})

    for shown in (query.annotations, stats.count_classes(query), query.values("id")):
        assert "Not read yet" in check(shown)


def test_output_of_a_query_shows_itself(session: Session, project: Any) -> None:
    shown = project.tasks.head(1)
    before = session.request_count

    assert shown._repr_mimebundle_({"text/html"}).keys() == {"text/html"}
    assert dict(shown.__rich_repr__()).keys() == {"text", "requests"}
    assert session.request_count == before


def test_every_displayed_class_is_tried() -> None:
    """Classes of live outputs have their own tests, of what they show as they change."""
    packages = ("annotations", "doctor", "formats", "orm", "resources", "transfer.bulk")
    for package in packages:
        root = import_module(f"synapse.{package}")
        for module in pkgutil.iter_modules(root.__path__, f"{root.__name__}."):
            import_module(module.name)
    prefixes = tuple(f"synapse.{part}" for part in (*packages, "session", "stats"))
    own = {cls for cls in subclasses(Described) if cls.__module__.startswith(prefixes)}
    others = {
        cls
        for cls in own
        if not issubclass(cls, (Resource, BaseManager, SynapseError, ChangingView, ValueObject))
        and not {each for each in subclasses(cls) if each.__module__.startswith("synapse.")} - {cls}
        and not cls.__name__.startswith("_")
    }
    elsewhere = {
        *(
            "AgentJobs",
            "AnnotationRows",
            "Browser",
            "JobFollower",
            "JobOutput",
            "ListedRows",
            "ObjectPage",
            "Rows",
        ),
        *("Session", "Shown", "StatRows"),
    }

    tried = {type(each).__name__ for each in OTHERS}
    assert {cls.__name__ for cls in others} - tried - elsewhere == set()
    assert elsewhere <= {cls.__name__ for cls in others}


def test_refused_fields_are_a_table(session: Session) -> None:
    with pytest.raises(ValidationError) as caught:
        session.projects.create(title="", category="nonsense")

    text = check(caught.value)
    assert "ValidationError" in text
    assert "category" in text


def subclasses(cls: type) -> set[type]:
    return {cls, *(sub for each in cls.__subclasses__() for sub in subclasses(each))}


def test_every_value_has_a_bounded_repr() -> None:
    own = {cls for cls in subclasses(ValueObject) if cls.__module__.startswith("synapse.")}

    assert {cls for cls in own if cls.__repr__ is not ValueObject.__repr__} == set()
    assert len(own) > 8


def test_lists_that_ask_later_show_themselves(offline: Session) -> None:
    api: Any = SimpleNamespace(list_jobs=None, get_job=None)
    job = offline.identity.load(synapse.Job, [{"id": "a", "action": EVIL}])[0]

    assert "all() and a loop make one request" in check(AgentJobs(api))
    assert "last(20) and a loop send requests" in check(job.logs())


def test_page_of_hostile_objects_shows_itself(offline: Session) -> None:
    rows = [{"id": number, "title": EVIL * 1_000} for number in range(500)]

    text = check(ObjectPage(offline.identity.load(synapse.Project, rows), 9_000))
    assert "… and 490 more" in text
