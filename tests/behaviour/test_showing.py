"""Cards and tables: requests, bytes, and every kind of file shown or said."""

from __future__ import annotations

import base64
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import synapse
from synapse import FileSpecification, Session
from synapse._internal.installation import install_command
from synapse.annotations import Box, Polygon, write_document
from synapse.display import cards
from synapse.errors import UsageError
from synapse.transfer.cache_folder import cache_folder

Add = Callable[..., Any]

CARD_BYTES, ALL_BYTES = 20 * 1024, 400 * 1024


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def streets(session: Session) -> Any:
    kinds = ("image", "text", "audio", "pcd", "video")
    specifications = [
        FileSpecification(name=f"{kind}_1", file_type=kind, is_required=False) for kind in kinds
    ]
    collection = session.data_collections.create(
        name="Streets", category="image", file_specifications=specifications
    )
    return session.projects.create(title="Streets", category="image", data_collection=collection)


@pytest.fixture
def add(session: Session, streets: Any, tmp_path: Path) -> Add:
    """Add a task with a file and annotations."""

    def make(name: str, content: Any, annotations: Any = (), size: Any = None) -> Any:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path)
        file = session.data_files.upload(path)
        suffix = name.rpartition(".")[2].lower()
        kind = {"txt": "text", "wav": "audio", "pcd": "pcd", "mp4": "video"}.get(suffix, "image")
        files = {f"{kind}_1": {"checksum": file.checksum, "path": name}}
        unit = streets.data_collection.data_units.create(files=files)
        task = streets.tasks.create(data_unit=unit)
        if annotations:
            sizes = {"image_1": size} if size else None
            task.annotate(write_document(annotations, sizes=sizes))
        return task

    return make


def picture(number: int = 0, size: tuple[int, int] = (320, 200)) -> Any:
    return Image.new("RGB", size, (number * 40 % 256, 90, 120))


def drawings(html: str) -> list[str]:
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    svgs = [base64.b64decode(content).decode() for content in found]
    for svg in svgs:
        ET.fromstring(svg)  # valid XML, or the picture would be broken
    return svgs


def test_show_makes_one_request_and_one_for_each_new_picture(
    session: Session, streets: Any, add: Add
) -> None:
    for number in range(6):
        add(f"{number}.png", picture(number), [Box(10, 20, 60, 50, label=f"class {number}")])
    before = session.request_count

    shown = streets.tasks.order_by("id").show(6)
    assert session.request_count - before == shown.requests == 7
    assert len(drawings(shown.html)) == 6
    assert all("data:image/webp" in svg or "data:image/jpeg" in svg for svg in drawings(shown.html))
    assert "6 tasks. 7 requests." in shown.html
    assert "class 5" in shown.html

    again = streets.tasks.order_by("id").show(6)
    assert again.requests == 1
    assert drawings(again.html) == drawings(shown.html)
    assert streets.tasks.order_by("id")[2:4].show().requests == 1


def test_displaying_makes_no_request(session: Session, streets: Any, add: Add) -> None:
    add("a.png", picture())
    shown = streets.tasks.show()
    before = session.request_count

    assert shown._repr_mimebundle_()["text/html"] == shown.html
    assert "a.png" in repr(shown)
    assert session.request_count == before


@pytest.mark.slow
def test_output_is_bounded(streets: Any, add: Add) -> None:
    noise = Image.effect_noise((900, 600), 120).convert("RGB")
    boxes = [Box(n * 7 % 800, n * 11 % 500, 60, 50, label=f"<class {n % 50}>") for n in range(800)]
    long = Polygon([(n * 31 % 900, n * 17 % 600) for n in range(20_000)], label="cloud")
    add("noise.png", noise, [long, *boxes], (900, 600))

    shown = streets.tasks.show(1)
    assert len(shown.html.encode()) <= CARD_BYTES + 300
    assert re.search(r"… and [\d,]+ annotations more, not drawn", shown.html)
    large = streets.tasks[0].show()
    assert len(large.html.encode()) <= 300 * 1024


@pytest.mark.slow
def test_many_cards_share_the_bytes(
    session: Session, streets: Any, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = Image.effect_noise((900, 600), 120).convert("RGB")
    unit = add("noise.png", noise, [Box(1, 2, 300, 400, label="car")]).data_unit
    streets.tasks.bulk_create([{"data_unit": unit}] * 59)

    shown = streets.tasks.show(60)
    assert len(drawings(shown.html)) == 60
    assert len(shown.html.encode()) <= ALL_BYTES
    # The server caps its pages at no less than sixty rows, and the file is fetched at most once by
    # each thread.
    assert shown.requests <= 7


EVIL = "<script>alert('1')</script>"


def test_hostile_names_are_text(streets: Any, add: Add) -> None:
    add("he said \"hi\" '<b>'.png", picture(), [Box(10, 20, 60, 50, label=EVIL)], (320, 200))

    for shown in (streets.tasks.show(), streets.tasks[0].show(), streets.tasks.head()):
        assert "<script" not in shown.html
        assert "<b>'" not in shown.html
        assert "&quot;hi&quot;" in shown.html
    assert "&lt;script&gt;" in drawings(streets.tasks.show().html)[0]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("grey.png", Image.new("L", (40, 30), 99), "<image"),
        ("deep.png", Image.new("I;16", (40, 30), 9_999), "<image"),
        ("palette.png", picture().convert("P"), "<image"),
        ("photo.heic", b"\0\0\0\x18ftypheic", "pip install pillow-heif"),
        ("broken.jpg", b"\xff\xd8\xff", "Not a readable picture"),
        ("story.txt", b"Once <upon> a time", "Once &lt;upon&gt; a time"),
        ("film.mp4", b"0000", "first frame of a video needs a library"),
        ("hum.wav", b"RIFF", "WAV"),
        ("cloud.pcd", b"ply", "PCD"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_every_kind_is_shown_or_said(
    streets: Any, add: Add, name: str, content: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    add(name, content)

    for shown in (streets.tasks.show(), streets.tasks[0].show()):
        assert expected in "".join([shown.html, *drawings(shown.html)])
        assert name in shown.html


def test_turned_picture_has_its_boxes_in_place(streets: Any, add: Add, tmp_path: Path) -> None:
    """Stored as 320 x 200, shown as 200 x 320; the document counts stored pixels, or shown ones."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture().save(tmp_path / "turned.jpg", exif=exif)
    content = (tmp_path / "turned.jpg").read_bytes()
    stored = add("a.jpg", content, [Box(0, 0, 320, 20)], (320, 200))
    shown = add("b.jpg", content, [Box(180, 0, 20, 320)], (200, 320))

    paths = [
        re.findall(r'<path d="([^"]+)"', drawings(task.show().html)[0]) for task in (stored, shown)
    ]
    boxes = [[f(part) for part in corners(path[0]) for f in (min, max)] for path in paths]
    assert boxes[0] == pytest.approx(boxes[1], abs=1)
    assert boxes[0][:2] == pytest.approx([303.8, 337.5], abs=1)


def corners(path: str) -> tuple[list[float], list[float]]:
    """Return the absolute coordinates of a path with relative steps."""
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    xs, ys = [numbers[0]], [numbers[1]]
    for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
        xs.append(xs[-1] + dx)
        ys.append(ys[-1] + dy)
    return xs, ys


def test_fifty_megapixels_are_a_small_card(streets: Any, add: Add) -> None:
    add("huge.jpg", Image.new("L", (10_000, 5_000), 200), [Box(0, 0, 9_000, 4_000, label="car")])

    shown = streets.tasks.show()
    assert "<image" in drawings(shown.html)[0]
    assert len(shown.html) < CARD_BYTES


def test_task_without_data_or_files_says_so(session: Session, streets: Any) -> None:
    unit = streets.data_collection.data_units.create(files={})
    task = streets.tasks.create(data_unit=unit)

    for shown in (streets.tasks.show(), task.show()):
        assert "No file that can be shown." in shown.html
        assert "no annotations" in shown.html


def test_picture_that_is_gone_is_said(session: Session, streets: Any, add: Add) -> None:
    task = add("a.png", picture(), [Box(10, 20, 60, 50, label="car")], (320, 200))
    files = {"image_1": {"url": f"{session.transport.base_url}media/gone.png", "checksum": None}}
    task._raw["files"] = files

    shown = task.show()
    assert "The file is gone (HTTP 404)." in shown.html
    assert ">car</text>" in drawings(shown.html)[0]


def test_without_pillow_the_annotations_are_drawn(
    streets: Any, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = Image.effect_noise((320, 200), 120).convert("RGB")
    add("noise.png", noise, [Box(10, 20, 60, 50, label="car")], (320, 200))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)

    shown = streets.tasks.show()
    assert escape(install_command("images")) in shown.html
    assert ">car</text>" in drawings(shown.html)[0]


def test_unknown_document_is_said(streets: Any, add: Add) -> None:
    task = add("a.png", picture())
    task.annotate({"annotations": [{"type": "class", "label": "person"}]})

    assert "none of the forms" in streets.tasks.show().html


def test_document_that_is_stored_elsewhere_costs_a_request(
    session: Session, streets: Any, add: Add
) -> None:
    task = add("a.png", picture(), [Box(10, 20, 60, 50, label="car")], (320, 200))
    params = {"response_mode": "presigned"}
    page = session.transport.request("GET", "sdk/tasks/data/", params=params)
    task._raw["data"] = page["results"][0]["data"]
    assert task._raw["data"]["mode"] == "presigned"
    before = session.request_count

    shown = task.show()
    assert session.request_count - before == shown.requests == 2
    assert ">car</text>" in drawings(shown.html)[0]

    task._raw["data"] = {"mode": "presigned", "presigned_url": f"{session.transport.base_url}gone"}
    shown = task.show()
    assert "HTTP 404" in shown.html
    assert "<image" in drawings(shown.html)[0]


def test_colors_are_the_same_everywhere(session: Session, streets: Any, add: Add) -> None:
    streets.configuration = {"classification": {"bounding_box": ["truck", "car"]}}
    streets.save()
    boxes = [Box(10, 20, 60, 50, label=label) for label in ("bus", "car", "truck")]
    task = add("a.png", picture(), boxes, (320, 200))

    htmls = [task._repr_mimebundle_()["text/html"], task.show().html, streets.tasks.show().html]
    strokes = [re.findall(r'<path [^>]*stroke="([^"]+)"', drawings(html)[0]) for html in htmls]
    assert strokes[0] == strokes[1] == strokes[2]
    assert len(set(strokes[0])) == 3


def test_units_and_assignments_are_shown_too(session: Session, streets: Any, add: Add) -> None:
    task = add("a.png", picture(), [Box(10, 20, 60, 50, label="car")], (320, 200))
    task.assignee = session.me.id
    task.save()

    assert "<image" in drawings(session.data_units.show(1).html)[0]
    assert "<image" in drawings(task.data_unit.show().html)[0]
    assert "a.png" in session.assignments.show().html
    assert "a.png" in session.assignments[0].show().html


def test_objects_without_files_are_a_table(session: Session, streets: Any) -> None:
    shown = session.projects.show()

    assert shown.requests == 1
    assert "<table" in shown.html
    assert "Streets" in shown.html
    assert "Streets" in repr(shown)


def test_head_is_a_table(session: Session, project: Any) -> None:
    before = session.request_count
    head = project.tasks.order_by("id").head(1)

    assert session.request_count - before == head.requests == 1
    assert repr(head).splitlines()[0].split()[:2] == ["id", "status"]
    assert repr(head).endswith("1 tasks. 1 request.")
    assert "href" not in head.html


def test_nothing_is_said(session: Session, project: Any) -> None:
    nothing = project.tasks.filter(status="completed")

    assert repr(nothing.show()) == "No tasks match. 1 request."
    assert repr(nothing.head()) == "No tasks match. 1 request."
    assert project.tasks.filter(id=[]).show().requests == 0


@pytest.mark.parametrize("n", [0, -1, 61, 1.5, True, "6"])
def test_other_numbers_are_refused(session: Session, project: Any, n: Any) -> None:
    before = session.request_count
    with pytest.raises(UsageError, match="n="):
        project.tasks.show(n)
    if n != 61:
        with pytest.raises(UsageError, match="n="):
            project.tasks.head(n)
    assert session.request_count == before


def test_cache_is_private(streets: Any, add: Add) -> None:
    add("a.png", picture())
    streets.tasks.show()

    everything = [cache_folder(), *cache_folder().rglob("*")]
    assert len(everything) > 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in everything)


def test_summary_counts_the_tasks(session: Session, streets: Any, add: Add) -> None:
    add("a.png", picture(), [Box(10, 20, 60, 50, label=EVIL)], (320, 200))
    add("b.png", picture())
    before = session.request_count

    summary = streets.summary()
    assert session.request_count - before == 1
    assert summary.by_status == {"pending": 1, "completed": 1}
    assert summary.by_class == {EVIL: 1}
    html = summary._repr_mimebundle_()["text/html"]
    assert "<script" not in html
    assert "Tasks by status" in html
    assert session.request_count - before == 1


def test_class_manager_shows_through_the_default_session(project: Any) -> None:
    assert synapse.Task.objects.head(2).requests == 1


# -- Links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("https://app.example.com/{kind}/{id}", "https://app.example.com/tasks/{task}"),
        (
            "https://app.example.com/p/{project}/t?id={id}&x='",
            "https://app.example.com/p/{project}/t?id={task}&amp;x=&#x27;",
        ),
        ("https://app.example.com/{tenant}/{id}", None),
        (None, None),
    ],
)
def test_cards_and_tables_link_to_the_platforms_pages(
    emulator: Any, streets: Any, add: Add, template: str | None, expected: str | None
) -> None:
    task = add("a.png", picture())
    with Session(emulator.url, emulator.api_token, web_url=template) as session:
        query = session.tasks.filter(project=streets.id)
        for shown in (query.show(), query.head()):
            links = re.findall('<a href="([^"]+)"', shown.html)
            known = {"task": task.id, "project": streets.id}
            assert links == ([expected.format(**known)] if expected else [])
        if template and "{project}" in template:
            assert f"/p/{streets.id}/t?id={streets.id}&" in session.projects.head().html
            assert "href" not in session.data_units.head().html


# -- All at once ---------------------------------------------------------------------------------


def fill(path: Path, size: tuple[int, int], mode: str, **options: Any) -> bytes:
    Image.effect_noise(size, 120).convert(mode).save(path, **options)
    return path.read_bytes()


@pytest.mark.slow
def test_hostile_pictures_and_annotations_are_cards_of_bounded_size(
    session: Session, streets: Any, add: Add, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    cloud = Polygon([(n * 31 % 450, n * 17 % 300) for n in range(3_000)], label=EVIL)
    boxes = [Box(n % 400, n % 250, 40, 30, label=f"{EVIL}{n}") for n in range(100)]
    contents = {
        "eight.png": fill(tmp_path / "n.png", (450, 300), "L"),
        "sixteen.png": fill(tmp_path / "n.png", (450, 300), "I;16"),
        "palette.png": fill(tmp_path / "n.png", (450, 300), "P"),
        'it\'s "turned".jpg': fill(tmp_path / "n.jpg", (450, 300), "RGB", exif=exif),
        "photo.heic": b"\0\0\0\x18ftypheic",
        "plain.png": fill(tmp_path / "n.png", (450, 300), "RGB"),
    }
    tasks = [add(name, data, [cloud, *boxes], (450, 300)) for name, data in contents.items()]
    before = session.request_count

    shown = streets.tasks.order_by("id").show(6)

    assert session.request_count - before == shown.requests == 1 + len(tasks)
    cards = shown.html.split('<div style="border:1px solid #8886;')[1:]
    assert len(cards) == len(tasks)
    for card, name in zip(cards, contents, strict=True):
        assert len(card.encode()) <= CARD_BYTES
        assert escape(name) in card
        assert EVIL not in card
    assert sum("<image" in svg for svg in drawings(shown.html)) == 5
    assert "pip install pillow-heif" in cards[4]
    assert len(shown.html.encode()) <= 6 * CARD_BYTES


def test_polygon_of_a_hundred_thousand_points_is_a_small_card(
    streets: Any, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = add("a.png", picture())
    points = [(n * 31 % 320, n * 17 % 200) for n in range(100_000)]
    task._raw["data"] = write_document([Polygon(points, label="cloud")])
    # The local backend refuses such a body; other servers store it.
    monkeypatch.setattr(cards, "_read", lambda query, n: [task])

    card = streets.tasks.show(1)
    assert len(card.html.encode()) <= CARD_BYTES + 300
    assert "<path" in drawings(card.html)[0] or "not drawn" in card.html
    assert len(task.show().html.encode()) <= 300 * 1024
    assert "cloud" in card.html
