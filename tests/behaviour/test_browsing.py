"""The widget's model against a server: what is shown, saved, refused and undone."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from PIL import Image

import synapse
from synapse import FileSpecification, Session
from synapse.annotations import Box, Group, Label, Polygon, write_document
from synapse.display.browse import view
from synapse.display.browse.model import BrowserModel
from synapse.errors import Conflict, UsageError
from synapse.testing import assert_num_requests
from synapse.testing.tenants import EmulatorTenant

Read = Callable[[int], Any]

EVIL = "<script>window.pwned = 1</script>"
CLASSES = {"bounding_box": ["car", "bus", EVIL], "polygon": ["road"]}
SIZES = {"image_1": (64, 48)}
BOXES = [
    Box(1, 2, 20, 10, id="a", label="car", attributes={"far": True}),
    Box(5, 6, 30, 20, id="b", label="bus"),
    Label(id="c", label="night"),
    Group(id="g", members=("a", "b")),
]


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def streets(session: Session, tmp_path: Path) -> Any:
    """A project with five tasks; the first has annotations."""
    names = ("image_1", "image_2")
    collection = session.data_collections.create(
        name="Streets",
        category="image",
        file_specifications=[
            FileSpecification(name=name, file_type="image", is_required=name == "image_1")
            for name in names
        ],
    )
    project = session.projects.create(
        title="Streets",
        category="image",
        data_collection=collection,
        configuration={
            "classification": {"bounding_box": ["car", "bus", EVIL], "polygon": ["road"]}
        },
    )
    Image.new("RGB", (64, 48), (9, 90, 120)).save(tmp_path / "one.png")
    Image.new("RGB", (48, 64), (120, 90, 9)).save(tmp_path / "two.png")
    files = {
        name: {"checksum": session.data_files.upload(tmp_path / path).checksum, "path": path}
        for name, path in zip(names, ("one.png", "two.png"), strict=True)
    }
    units = [collection.data_units.create(files=files) for _ in range(5)]
    project.tasks.bulk_create([{"data_unit": unit} for unit in units])
    project.tasks.order_by("id")[0].annotate(write_document(BOXES, sizes=SIZES), "save")
    return project


@pytest.fixture
def first(streets: Any) -> int:
    """The id of the first task."""
    return int(streets.tasks.order_by("id")[0].id)


class Widget:
    """The other side of the model: sends messages as the browser does, and keeps the states.

    The states' texts have the numbers of the tasks in the project, from 1.
    """

    def __init__(self, query: Any, first: int) -> None:
        self.first = first
        self.model = BrowserModel(query)
        self.states: list[dict[str, Any]] = []
        self.pictures: list[list[bytes]] = []
        self.model.connect(self.receive)
        self.model.open()
        self.say("open")

    def receive(self, state: dict[str, Any], buffers: list[bytes]) -> None:
        text = json.dumps(state, allow_nan=False)
        text = re.sub(r"Task (\d+)", lambda found: f"Task {int(found[1]) - self.first + 1}", text)
        self.states.append(json.loads(text))
        self.pictures.append(buffers)

    @property
    def history(self) -> list[str]:
        return [re.sub(r"\d+", "1", text) for text in self.model.history]

    @property
    def state(self) -> dict[str, Any]:
        return self.states[-1]

    def say(self, kind: str, name: str | None = None, **arguments: Any) -> dict[str, Any]:
        number = name or f"m{len(self.states)}"
        self.model.handle({"kind": kind, "id": number, **arguments})
        assert self.state["answers"] == number
        return self.state

    def edit(self, kind: str, **arguments: Any) -> dict[str, Any]:
        return self.say(kind, object=self.state["object"], **arguments)

    def ref(self, label: str | None) -> int:
        return next(each["ref"] for each in self.state["shapes"] if each["label"] == label)

    def number(self, name: str) -> int:
        return [each["name"] for each in self.state["classes"]].index(name)


@pytest.fixture
def widget(streets: Any, first: int) -> Widget:
    return Widget(streets.tasks.order_by("id"), first)


@pytest.fixture
def other(emulator: EmulatorTenant) -> Iterator[Session]:
    """The session of another program."""
    with synapse.Session(emulator.url, emulator.api_token) as session:
        yield session


@pytest.fixture
def read(other: Session, first: int) -> Read:
    """Read a task as another program sees it, by its number in the project."""
    return lambda number: other.tasks.get(first + number - 1, refresh=True)


def test_opening_reads_one_page_and_one_picture(streets: Any, session: Session, first: int) -> None:
    with assert_num_requests(session, 2):
        widget = Widget(streets.tasks.order_by("id"), first)

    state = widget.state
    assert (state["title"], state["position"], state["total"]) == ("Task 1", 0, 5)
    assert (state["status"], state["error"], state["unsaved"]) == ("in_progress", "", [])
    assert [each["label"] for each in state["shapes"]] == ["bus", "car", "night", None]
    assert (state["width"], state["height"], state["media_type"]) == (1600, 1200, "image/webp")
    assert len(widget.pictures[-1][0]) > 20
    assert state["link"] is None
    assert "Token" not in json.dumps(state)


def test_pages_and_pictures_are_read_as_they_are_reached(
    widget: Widget, session: Session, first: int
) -> None:
    with assert_num_requests(session, 0):  # the picture is in the cache, the page in memory
        assert widget.say("go", to="next")["title"] == "Task 2"
        assert widget.say("go", to="previous")["title"] == "Task 1"
        assert widget.say("go", to="previous")["note"] == "This is the first object."
        assert widget.say("go", to="last")["title"] == "Task 5"
        assert widget.say("go", to="first")["title"] == "Task 1"
        assert widget.say("go", position=2)["title"] == "Task 3"
        assert widget.say("go", position=10**30)["title"] == "Task 5"
    assert widget.say("go", to="next")["note"] == "This is the last object."


def test_every_state_has_its_picture_once(widget: Widget) -> None:
    sent = [len(widget.pictures[-1])]
    for kind, arguments in (("go", {"to": "next"}), ("undo", {}), ("open", {})):
        widget.say(kind, **arguments)
        sent.append(len(widget.pictures[-1]))
    assert sent == [1, 1, 0, 1]


def test_next_file_is_shown_with_its_own_annotations(widget: Widget) -> None:
    state = widget.say("file")

    assert (state["file"], state["file_number"], state["files"]) == ("two.png", 1, 2)
    assert (state["width"], state["height"]) == (1200, 1600)
    assert state["shapes"] == []
    assert widget.say("file")["file"] == "one.png"


def test_annotation_is_deleted_with_its_mentions_and_comes_back(
    widget: Widget, session: Session, read: Read
) -> None:
    before = read(1)
    annotations, document = list(before.annotations), before.data
    with assert_num_requests(session, 2):
        state = widget.edit("delete", ref=widget.ref("bus"))

    assert state["note"] == "Saved: Task 1: delete bus."
    saved = read(1)
    assert [each.id for each in saved.annotations] == ["a", "c", "g"]
    assert saved.annotations.of(Group)[0].members == ("a",)
    assert saved.status == "in_progress"
    assert widget.history == ["Task 1: delete bus"]
    assert widget.say("undo")["note"] == "Undone: Task 1: delete bus."
    assert list(read(1).annotations) == annotations
    assert read(1).data["annotations"] == document["annotations"]
    assert widget.say("undo")["note"] == "Nothing to undo."


def test_annotation_gets_another_class(widget: Widget, read: Read, first: int) -> None:
    ref = widget.ref("car")
    widget.edit("relabel", ref=ref, **{"class": widget.number(EVIL)})
    # Typed twice, before the first answer was there: the number is still that annotation's.
    state = widget.edit("relabel", ref=ref, **{"class": widget.number("bus")})

    assert "as bus" in state["note"]
    assert read(1).annotations[0] == attrs.evolve(BOXES[0], label="bus", medium="image_1")
    widget.say("undo")
    assert read(1).annotations[0].label == EVIL
    widget.say("undo")
    assert read(1).annotations[0].label == "car"


def test_class_of_another_tool_is_refused_before_anything_is_sent(
    widget: Widget, session: Session
) -> None:
    with assert_num_requests(session, 0):
        state = widget.edit("relabel", ref=widget.ref("car"), **{"class": widget.number("road")})
        assert "doesn't have the class 'road'" in state["error"]
        same = widget.edit("relabel", ref=widget.ref("car"), **{"class": widget.number("car")})
    assert same["note"] == "The class is 'car' already."
    assert state["unsaved"] == []


def test_status_is_accepted_rejected_and_undone(widget: Widget, read: Read) -> None:
    assert widget.edit("accept")["status"] == "completed"
    assert widget.edit("accept")["note"] == "The status is completed already."
    assert widget.edit("reject")["status"] == "in_progress"
    assert read(1).status == "in_progress"
    assert widget.say("undo")["status"] == "completed"
    assert widget.say("undo")["status"] == "in_progress"
    assert read(1).status == "in_progress"


def test_assignments_are_rejected(streets: Any, session: Session, first: int) -> None:
    task = streets.tasks.order_by("id")[0]
    task.assignee = session.me.id
    task.save()
    widget = Widget(streets.assignments.all(), first)
    assert widget.state["statuses"][-1] == "rejected"

    widget.edit("reject")
    assert streets.assignments.get(status="rejected").task_id == task.id
    widget.edit("accept")
    assert streets.assignments.get(status="completed").task_id == task.id


def test_tags_are_offered_added_and_removed(
    widget: Widget, streets: Any, session: Session, read: Read
) -> None:
    other = session.projects.create(title="Other", category="text")
    own = session.task_tags.create(project=streets, name=EVIL, color="#cc0000")
    everywhere = session.task_tags.create(name="everywhere")
    session.task_tags.create(project=other, name="foreign")

    with assert_num_requests(session, 2):
        offered = widget.edit("tags")["tag_choices"]
    assert [each["id"] for each in offered] == [own.id, everywhere.id]
    with assert_num_requests(session, 1):
        state = widget.edit("tag", tag=own.id)
    assert state["tags"] == [{"id": own.id, "name": EVIL}]
    assert read(1).tag_ids == [own.id]
    assert widget.edit("tag", tag=own.id)["tags"] == []
    assert widget.say("undo")["tags"] == [{"id": own.id, "name": EVIL}]
    assert read(1).tag_ids == [own.id]


def test_filter_shows_objects_of_a_status_and_skips_none(widget: Widget, first: int) -> None:
    state = widget.say("filter", status="pending")
    assert (state["title"], state["total"], state["filter"]) == ("Task 2", 4, "pending")

    seen = []
    for _ in range(4):
        seen.append(widget.state["object"] - first + 1)
        widget.edit("accept")
        widget.say("go", to="next")
    assert seen == [2, 3, 4, 5]
    assert widget.say("filter", status="pending")["object"] is None
    assert "Nothing" not in widget.state["error"]
    assert widget.say("filter", status=None)["total"] == 5


def test_refused_filter_leaves_the_objects(widget: Widget, streets: Any, first: int) -> None:
    for status in ("unknown", 3, ["pending"], {}):
        assert "must be one of pending" in widget.say("filter", status=status)["error"]
    assert widget.state["total"] == 5

    sliced = Widget(streets.tasks.order_by("id")[1:3], first)
    assert (sliced.state["title"], sliced.state["total"]) == ("Task 2", 2)
    state = sliced.say("filter", status="pending")
    assert "slice last" in state["error"]
    assert (state["title"], state["total"]) == ("Task 2", 2)


def test_changes_of_others_stay(widget: Widget, other: Session, first: int) -> None:
    task = other.tasks.get(first)
    task.annotations = [*task.annotations, Polygon([(0, 0), (9, 0), (9, 9)], id="new")]
    task.save()

    state = widget.edit("delete", ref=widget.ref("bus"))
    assert [each.id for each in task.refresh().annotations] == ["a", "c", "new", "g"]
    assert len(state["shapes"]) == 4
    # Somebody moves the box that is about to be deleted.
    moved = attrs.evolve(task.annotations[0], x=3)
    task.annotations = task.annotations.replace(moved)
    task.save()
    state = widget.edit("delete", ref=widget.ref("car"))
    assert "'car' was changed elsewhere" in state["error"]
    assert task.refresh().annotations[0] == moved
    assert [each["error"] for each in state["unsaved"]] == [state["error"]]
    # The widget shows the newer box now.
    assert widget.edit("delete", ref=widget.ref("car"))["error"] == ""
    assert len(task.refresh().annotations) == 3


def test_status_that_others_changed_is_not_overwritten(
    widget: Widget, other: Session, read: Read, first: int
) -> None:
    widget.edit("accept")
    task = other.tasks.get(first)
    task.status = "skipped"
    task.save()

    state = widget.say("undo")
    assert "the status is 'skipped' now" in state["error"]
    assert widget.history == ["Task 1: set status completed"]
    assert read(1).status == "skipped"


def test_unsaved_changes_of_a_cell_are_neither_saved_nor_lost(
    widget: Widget, session: Session, read: Read, first: int
) -> None:
    task = session.tasks.get(first)
    task.priority = "high"

    state = widget.edit("delete", ref=widget.ref("bus"))
    assert "changes of a cell that are not saved: priority" in state["error"]
    assert len(read(1).annotations) == 4
    assert task.changes == {"priority": "high"}
    task.save()
    assert widget.say("retry")["unsaved"] == []
    assert len(read(1).annotations) == 3
    assert read(1).priority == "high"


def test_failed_change_is_kept_and_saved_again(
    widget: Widget, session: Session, read: Read, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = synapse.Task._ask
    refused = Conflict(409, "locked by another editor")

    def refuse(self: Any, method: str, path: str, **options: Any) -> Any:
        if method == "PATCH":
            raise refused
        return ask(self, method, path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(synapse.Task, "_ask", refuse)
        widget.edit("delete", ref=widget.ref("bus"))
        state = widget.edit("accept")
        assert "locked by another editor" in state["error"]
        assert [each["text"] for each in state["unsaved"]] == [
            "Task 1: delete bus",
            "Task 1: set status completed",
        ]
        assert not session.tasks.get(first).is_changed  # nothing for another save() to send
        widget.say("go", to="next")
        assert len(widget.say("retry")["unsaved"]) == 2
        assert len(widget.model.unsaved) == 2
        assert widget.model.history == []

    first, second = (each["id"] for each in widget.state["unsaved"])
    state = widget.say("retry", change=first)
    assert [each["id"] for each in state["unsaved"]] == [second]
    assert state["title"] == "Task 2"
    assert len(read(1).annotations) == 3
    assert "Given up: Task 1: set status completed" in widget.say("discard", change=second)["note"]
    assert widget.state["unsaved"] == []
    assert read(1).status == "in_progress"
    assert widget.say("undo")["title"] == "Task 1"
    assert len(read(1).annotations) == 4


def test_object_that_is_gone_is_said(widget: Widget, other: Session, first: int) -> None:
    other.tasks.get(first).delete()

    state = widget.edit("accept")
    assert "Task 1" in state["error"]
    assert "404" in state["error"]
    assert len(state["unsaved"]) == 1
    assert widget.say("go", to="next")["title"] == "Task 2"


def test_message_that_is_sent_twice_is_done_once(
    widget: Widget, session: Session, read: Read, first: int
) -> None:
    for _ in range(2):
        widget.say("tag", name="same", object=first, tag=session.task_tags.create(name="x").id)
    assert len(read(1).tag_ids) == 1

    ref = widget.ref("bus")
    widget.say("delete", name="again", object=first, ref=ref)
    with assert_num_requests(session, 0):
        assert widget.say("delete", name="again", object=first, ref=ref)["error"] == ""


FIRST, SECOND = "first", "second"
HOSTILE: list[Any] = [
    None,
    7,
    "open",
    [],
    {},
    {"kind": "open"},
    {"kind": ["open"], "id": "x"},
    {"kind": "__init__", "id": "x"},
    {"kind": "bogus", "id": "x"},
    {"kind": "delete", "id": 7, "object": FIRST, "ref": 1},
    {"kind": "delete", "id": "x" * 81, "object": FIRST, "ref": 1},
    {"kind": "delete", "id": "x"},
    {"kind": "delete", "id": "x", "object": SECOND, "ref": 1},
    {"kind": "delete", "id": "x", "object": True, "ref": True},
    {"kind": "delete", "id": "x", "object": FIRST, "ref": "1"},
    {"kind": "delete", "id": "x", "object": FIRST, "ref": 10**30},
    {"kind": "delete", "id": "x", "object": FIRST, "ref": [1]},
    {"kind": "relabel", "id": "x", "object": FIRST, "ref": 1, "class": -1},
    {"kind": "relabel", "id": "x", "object": FIRST, "ref": 1, "class": "car"},
    {"kind": "tag", "id": "x", "object": FIRST, "tag": "1"},
    {"kind": "tag", "id": "x", "object": FIRST, "tag": None},
    {"kind": "go", "id": "x"},
    {"kind": "go", "id": "x", "to": "nowhere"},
    {"kind": "go", "id": "x", "position": 1.5},
    {"kind": "go", "id": "x", "position": float("nan")},
    {"kind": "accept", "id": "x", "object": {"id": 1}},
    {"kind": "tags", "id": "x", "object": 99},
]


def test_hostile_messages_are_answered_and_change_nothing(
    widget: Widget, session: Session, read: Read, first: int
) -> None:
    before = read(1).to_dict()
    for number, message in enumerate(HOSTILE):
        if isinstance(message, dict) and message.get("object") in (FIRST, SECOND):
            message = {**message, "object": first + (message["object"] == SECOND)}
        if isinstance(message, dict) and message.get("id") == "x":
            message = {**message, "id": f"x{number}"}
        with assert_num_requests(session, 0):
            widget.model.handle(message)
        assert len(widget.states) == number + 2, message
        assert widget.state["error"], message
        assert widget.state["title"] == "Task 1"
        assert widget.state["unsaved"] == []
    assert read(1).to_dict() == before


def test_messages_about_nothing_are_harmless(widget: Widget) -> None:
    for kind in ("discard", "retry", "undo", "file", "open"):
        for change in (None, 7, "unknown", [1]):
            state = widget.say(kind, change=change)
            assert (state["error"], state["title"]) == ("", "Task 1")


def test_messages_of_several_threads_lose_nothing(
    widget: Widget, session: Session, read: Read, first: int
) -> None:
    """Kernels handle messages beside the cells, in several threads."""
    tags = [session.task_tags.create(name=f"t{number}").id for number in range(8)]
    messages = [{"kind": "tag", "id": f"t{tag}", "object": first, "tag": tag} for tag in tags]
    threads = [threading.Thread(target=widget.model.handle, args=(each,)) for each in messages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(read(1).tag_ids) == tags
    assert sorted(each["id"] for each in widget.state["tags"]) == tags
    assert len(widget.model.history) == 8


@pytest.mark.parametrize(
    "spoil",
    [
        lambda task: {"shapes": []},
        lambda task: {"annotations": {"image_1": [None, 7, {"id": "x", "tool": "laser"}]}},
        lambda task: None,
    ],
)
def test_document_that_is_damaged_or_missing_is_shown(
    streets: Any, first: int, spoil: Callable[[Any], Any]
) -> None:
    task = streets.tasks.order_by("id")[2]
    task.data = spoil(task)
    task.save()

    state = Widget(streets.tasks.filter(id=task.id), first).state
    assert (state["title"], state["error"]) == ("Task 3", "")
    assert all("box" not in each for each in state["shapes"])


def test_picture_that_is_gone_is_said(
    streets: Any, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = view.make_preview

    def make_gone(transport: Any, name: str, file: Any, longest: int, room: int) -> Any:
        gone = {"url": f"{transport.base_url}/media/gone.png", "checksum": None, "size": None}
        return make(transport, "image_1", {**gone, "path": "gone.png"}, longest, room)

    monkeypatch.setattr(view, "make_preview", make_gone)
    widget = Widget(streets.tasks.order_by("id"), first)
    assert widget.state["notes"] == ["The file is gone (HTTP 404)."]
    assert (widget.state["media_type"], widget.pictures[-1]) == (None, [])
    assert len(widget.state["shapes"]) == 4
    assert widget.state["width"] == 1600


def test_objects_without_annotations_are_looked_at(streets: Any, first: int) -> None:
    widget = Widget(streets.data_collection.data_units.order_by("id"), first)

    state = widget.state
    assert (state["file"], state["statuses"], state["tags"]) == ("one.png", [], None)
    assert "can't be changed" in widget.edit("delete", ref=1)["error"]
    assert "no status" in widget.edit("accept")["error"]
    assert "not a tag" in widget.edit("tag", tag=1)["error"]
    assert widget.say("go", to="next")["position"] == 1


def test_empty_query_says_so(streets: Any, first: int) -> None:
    widget = Widget(streets.tasks.filter(status="skipped"), first)

    assert (widget.state["object"], widget.state["total"], widget.state["error"]) == (None, 0, "")
    for kind in ("accept", "delete", "tags"):
        assert widget.edit(kind)["error"]
    assert widget.say("go", to="next")["object"] is None


def test_objects_without_files_are_refused(session: Session) -> None:
    with (
        assert_num_requests(session, 0),
        pytest.raises(UsageError, match="projects have none"),
    ):
        session.projects.browse()


def test_browser_is_the_widget_of_a_notebook(streets: Any, session: Session, first: int) -> None:
    pytest.importorskip("anywidget")
    with assert_num_requests(session, 1):
        browser = streets.tasks.order_by("id").browse()
    sent: list[Any] = []
    browser.widget.send = lambda content, buffers: sent.append((content, buffers))
    browser.widget._handle_custom_msg({"kind": "open", "id": "1"}, [])
    browser.widget._handle_custom_msg({"kind": "accept", "id": "2", "object": first}, [])

    assert [content["answers"] for content, _ in sent] == ["1", "2"]
    assert browser.current.status == "completed"
    assert browser.history == [f"Task {first}: set status completed"]
    assert browser.unsaved == []
    assert repr(browser).endswith(": 1 of 5>")
    with assert_num_requests(session, 0):
        bundle, *_ = browser._repr_mimebundle_()
    assert bundle["text/plain"] == repr(browser)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    # A notebook's file keeps neither pictures nor annotations.
    assert "one.png" not in json.dumps(browser.widget.get_state())
    browser.close()
