"""Data sets for training: samples, requests, order, workers, faults."""

from __future__ import annotations

import io
import itertools
import json
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

import synapse
from synapse import Session
from synapse.annotations import Box, Label, Mask, Polygon, write_document
from synapse.errors import ClientError, SampleError, UsageError
from synapse.integrations.torch import PictureDataset, PictureStream, collate
from synapse.testing.tenants import EmulatorTenant
from synapse.transfer.cache_folder import cache_folder

Add = Callable[..., Any]
BOXES = [Box(10, 20, 30, 20, label="car"), Box(1, 2, 3, 4, label="bus")]


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def streets(session: Session) -> Any:
    files = [synapse.FileSpecification(name="image_1", file_type="image", is_required=False)]
    collection = session.data_collections.create(
        name="Streets", category="image", file_specifications=files
    )
    return session.projects.create(
        title="Streets",
        category="image",
        data_collection=collection,
        configuration={"classification": {"bounding_box": ["bus", "car"]}},
    )


@pytest.fixture
def add(session: Session, streets: Any) -> Add:
    """Add a task with a picture and annotations."""
    numbers = itertools.count()

    def make(annotations: Any = (), *, picture: Any = None, size: Any = None) -> Any:
        number = next(numbers)
        content = picture
        if not isinstance(picture, bytes):
            stream = io.BytesIO()
            (picture or Image.new("RGB", (64, 48), (number, 0, 0))).save(stream, "PNG")
            content = stream.getvalue()
        file = session.data_files.upload(io.BytesIO(content), name=f"{number}.png")
        unit = streets.data_collection.data_units.create(
            files={"image_1": {"checksum": file.checksum, "path": f"{number}.png"}}
        )
        task = streets.tasks.create(data_unit=unit)
        if annotations:
            task.annotate(write_document(annotations, sizes={"image_1": size or (64, 48)}))
        return task

    return make


def lists(target: Any) -> Any:
    """Return a target's tensors as lists."""
    return {
        name: value.tolist() if hasattr(value, "tolist") else value
        for name, value in target.items()
    }


def test_samples_and_requests(session: Session, streets: Any, add: Add) -> None:
    tasks = [add(BOXES), add()]
    before = session.request_count

    dataset = streets.tasks.order_by("id").to_torch()
    assert session.request_count - before == 2  # a page, and the project
    assert (len(dataset), dataset.classes) == (2, ["bus", "car"])
    assert [dataset.id_of(n) for n in (0, 1)] == [task.id for task in tasks]
    picture, target = dataset[0]
    assert (picture.size, picture.mode, picture.getpixel((0, 0))) == ((64, 48), "RGB", (0, 0, 0))
    assert lists(target) == {
        "image_id": tasks[0].id,
        "boxes": [[10, 20, 40, 40], [1, 2, 4, 6]],
        "labels": [2, 1],
        "area": [600, 12],
        "iscrowd": [0, 0],
    }
    assert lists(dataset[-1][1])["boxes"] == []
    assert session.request_count - before == 4  # the two pictures
    images, targets = collate(dataset)
    assert [len(images), len(targets)] == [2, 2]
    assert session.request_count - before == 4
    with pytest.raises(IndexError):
        dataset[2]


def test_boxes_are_those_of_the_picture(streets: Any, add: Add) -> None:
    """A box beyond the edge is cut, one outside is left out, and so is a place without a class."""
    add(
        [
            Box(50, 40, 90, 90, label="car"),
            Box(70, 0, 5, 5, label="car"),
            Box(0, 0, 5, 5),
            Polygon([(0, 0), (10, 0), (0, 10)], label="bus"),
            Label(label="night"),
        ]
    )

    target = lists(streets.tasks.to_torch()[0][1])
    assert target["boxes"] == [[50, 40, 64, 48], [0, 0, 10, 10]]
    assert (target["labels"], target["area"]) == ([2, 1], [112, 50])


def test_masks(streets: Any, add: Add) -> None:
    add(
        [
            Mask([(0, 2), (64, 1)], size=(64, 48), label="bus"),
            Polygon([(0, 0), (2, 0), (2, 2), (0, 2)], label="car"),
            Box(1, 1, 2, 1, label="car"),
        ]
    )

    masks = streets.tasks.to_torch(masks=True, tensors=False)[0][1]["masks"]
    assert tuple(masks.shape) == (3, 48, 64)
    found = [{(int(x), int(y)) for y, x in zip(*mask.nonzero(), strict=True)} for mask in masks]
    assert found[0] == {(0, 0), (1, 0), (0, 1)}
    assert found[1] == {(0, 0), (1, 0), (0, 1), (1, 1)}
    assert found[2] == {(1, 1), (2, 1)}


def test_turned_picture_has_its_boxes_in_place(streets: Any, add: Add) -> None:
    """Both documents mean the same pixels: stored as 64 x 48, shown as 48 x 64."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.new("RGB", (64, 48)).save(stream, "JPEG", exif=exif)
    add([Box(0, 0, 64, 10, label="car")], picture=stream.getvalue(), size=(64, 48))
    add([Box(38, 0, 10, 64, label="car")], picture=stream.getvalue(), size=(48, 64))

    first, second = streets.tasks.order_by("id").to_torch()
    assert first[0].size == second[0].size == (64, 48)
    assert lists(first[1])["boxes"] == lists(second[1])["boxes"] == [[0, 0, 64, 10]]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (None, (["bus", "car", "tree"], [2, 1, 3])),
        (["tree", "car"], (["tree", "car"], [2, 1])),
    ],
)
def test_numbers_of_classes(streets: Any, add: Add, classes: Any, expected: Any) -> None:
    add([*BOXES, Box(5, 5, 5, 5, label="tree")])

    dataset = streets.tasks.to_torch(classes=classes)
    assert (dataset.classes, lists(dataset[0][1])["labels"]) == expected
    assert lists(streets.tasks.to_torch(first_label=0)[0][1])["labels"] == [1, 0, 2]


def test_classification(streets: Any, add: Add) -> None:
    add([Label(label="night"), *BOXES])
    add([Label(label="day")])
    add(BOXES)
    add([Label(label="day"), Label(label="night")])

    dataset = streets.tasks.order_by("id").to_torch(
        target="classification", classes=["day", "night"]
    )
    assert [dataset[0][1], dataset[1][1]] == [1, 0]
    with pytest.raises(SampleError, match="has no class"):
        dataset[2]
    with pytest.raises(SampleError, match="has the classes day, night"):
        dataset[3]
    found = streets.tasks.order_by("id").to_torch(target="classification")
    assert found.classes == ["bus", "car", "day", "night"]


def test_annotations_and_transforms(streets: Any, add: Add) -> None:
    add(BOXES)

    _, annotations = streets.tasks.to_torch(target="annotations", transform=lambda picture: None)[0]
    assert [each.label for each in annotations] == ["car", "bus"]
    both = streets.tasks.to_torch(transforms=lambda picture, target: (target["image_id"], 7))
    assert both[0] == (streets.tasks[0].id, 7)
    only = streets.tasks.to_torch(target_transform=len, transform=lambda picture: picture.size)
    assert only[0] == ((64, 48), 5)


def test_units_have_pictures_alone(streets: Any, add: Add) -> None:
    add(BOXES)

    picture, target = streets.data_collection.data_units.to_torch()[0]
    assert (picture.size, lists(target)["boxes"]) == ((64, 48), [])
    (other,) = streets.data_collection.data_units.to_torch(stream=True)
    assert other[0].size == (64, 48)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "boxes"}, "target='boxes'"),
        ({"classes": "car"}, "classes='car'"),
        ({"classes": []}, r"classes=\[\]"),
        ({"classes": ["car", "car"]}, "distinct"),
        ({"classes": [3]}, "distinct"),
        ({"on_error": "ignore"}, "on_error='ignore'"),
        ({"transforms": len, "transform": len}, "Pass one kind"),
        ({"stream": True, "seed": -1}, "seed=-1"),
        ({"stream": True, "world_size": 0}, "world_size=0"),
        ({"stream": True, "rank": 2, "world_size": 2}, "rank=2"),
    ],
)
def test_wrong_arguments(session: Session, streets: Any, arguments: Any, message: str) -> None:
    before = session.request_count
    with pytest.raises(UsageError, match=message):
        streets.tasks.to_torch(**arguments)
    assert session.request_count == before


def test_objects_without_files_are_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="projects have no files"):
        PictureDataset(session.projects)


# -- Faults --------------------------------------------------------------------------------------


@pytest.fixture
def faulty(session: Session, streets: Any, add: Add) -> list[Any]:
    """A good task, a damaged picture, one without a file, an unknown document, a deep picture."""
    tasks = [add(BOXES), add(BOXES, picture=b"\x89PNG\r\n\x1a\nno")]
    unit = streets.data_collection.data_units.create(files={})
    tasks += [streets.tasks.create(data_unit=unit), add()]
    tasks[3].annotate({"annotations": [{"type": "class", "label": "person"}]})
    return [*tasks, add(BOXES, picture=Image.new("I;16", (64, 48), 9_999))]


def test_faults_name_the_task(streets: Any, faulty: list[Any]) -> None:
    dataset = streets.tasks.order_by("id").to_torch()

    messages = []
    for index in range(1, 5):
        with pytest.raises(SampleError, match=f"task {faulty[index].id}") as caught:
            dataset[index]
        assert "on_error='skip'" in str(caught.value) or "mode=None" in str(caught.value)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        messages.append(str(caught.value))
    assert "not a readable picture" in messages[0]
    assert "sent no picture" in messages[1]
    assert "none of the forms" in messages[2]
    assert "more than 8 bits" in messages[3]


def test_faults_are_skipped_and_reported(streets: Any, faulty: list[Any]) -> None:
    dataset = streets.tasks.order_by("id").to_torch(on_error="skip")

    for _ in range(2):
        assert len(collate(dataset)[0]) == 1
    assert [each.id for each in dataset.skipped] == [task.id for task in faulty[1:]]
    assert collate([None]) == ([], [])
    stream = streets.tasks.order_by("id").to_torch(stream=True, on_error="skip")
    assert len(list(stream)) == 1
    assert len(stream.skipped) == 4
    deep = streets.tasks.order_by("id").to_torch(mode=None)[4]
    assert deep[0].mode == "I;16"


def test_picture_that_is_gone(streets: Any, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    task = add(BOXES)
    dataset = streets.tasks.to_torch()
    row = {**dataset._index[0], "url": "/media/gone.png", "checksum": None}
    with pytest.raises(SampleError, match=rf"task {task.id}, 0.png: The file is gone \(HTTP 404\)"):
        dataset._source.read(row)
    other = {**row, "url": dataset._index[0]["url"], "checksum": "0" * 32}
    with pytest.raises(SampleError, match="another size or checksum"):
        dataset._source.read(other)


def test_outage_is_not_skipped(streets: Any, add: Add, emulator: EmulatorTenant) -> None:
    add(BOXES)
    dataset = streets.tasks.to_torch(on_error="skip")
    row = {**dataset._index[0], "url": "http://127.0.0.1:9/a.png", "checksum": None}
    with pytest.raises(ClientError):
        dataset._source.read(row)
    assert dataset.skipped == []


def test_expired_url_is_asked_for_again(session: Session, streets: Any, add: Add) -> None:
    add(BOXES)
    dataset = streets.tasks.to_torch()
    row = {**dataset._index[0], "url": f"{session.transport.base_url}media/old.png?signature=1"}
    before = session.request_count

    picture, *_ = dataset._source.read(row)
    assert picture.size == (64, 48)
    assert session.request_count - before == 3


def test_document_that_is_stored_elsewhere(session: Session, streets: Any, add: Add) -> None:
    add(BOXES)
    params = {"response_mode": "presigned"}
    page = session.transport.request("GET", "sdk/tasks/data/", params=params)
    dataset = streets.tasks.to_torch()
    pointer = page["results"][0]["data"]
    assert pointer["mode"] == "presigned"
    for data in (pointer, {**pointer, "presigned_url": f"{session.transport.base_url}old?sig=1"}):
        *_, target = dataset._source.read({**dataset._index[0], "data": data})
        assert lists(target)["labels"] == [2, 1]


def test_damaged_copy_is_removed_from_the_cache(streets: Any, add: Add) -> None:
    add(BOXES)
    dataset = streets.tasks.to_torch()
    dataset[0]
    (copy,) = cache_folder().glob("*/*.png")
    copy.write_bytes(bytes(copy.stat().st_size))

    with pytest.raises(SampleError, match="The damaged copy in the cache is removed"):
        dataset[0]
    assert dataset[0][0].size == (64, 48)


# -- Streams -------------------------------------------------------------------------------------


@pytest.fixture
def ten(streets: Any, add: Add) -> list[int]:
    """Ten tasks of one picture, with ids that lie apart."""
    unit = add(BOXES).data_unit
    tasks = streets.tasks.bulk_create([{"data_unit": unit}] * 13)
    for task in tasks[1::3]:
        task.delete()
    return sorted(row["id"] for row in streets.tasks.values("id"))


def ids(samples: Any) -> list[int]:
    return [target["image_id"] for _, target in samples]


def stream_of(streets: Any, seed: int | None = 7, **options: Any) -> PictureStream:
    tasks = streets.tasks.order_by("id").page_size(2)
    return tasks.to_torch(stream=True, seed=seed, tensors=False, **options)


def test_stream_reads_everything_once(session: Session, streets: Any, ten: list[int]) -> None:
    before = session.request_count
    stream = stream_of(streets, None)
    assert session.request_count - before == 7
    assert stream.classes == ["bus", "car"]

    assert ids(stream) == ten
    parts = len(stream._stream._divide(0))
    assert session.request_count - before == 7 + parts + 1  # a picture
    assert ids(stream) == ten
    assert session.request_count - before == 7 + 2 * parts + 1


def test_seed_and_epoch_decide_the_order(streets: Any, ten: list[int]) -> None:
    first, second = (stream_of(streets) for _ in range(2))

    passes = [ids(first) for _ in range(3)]
    assert [sorted(each) for each in passes] == [ten] * 3
    assert len({tuple(each) for each in passes}) == 3
    assert passes[0] != ten
    second.set_epoch(2)
    assert ids(second) == passes[2]
    assert ids(second) not in passes
    assert ids(stream_of(streets, 8)) != passes[0]


@pytest.mark.parametrize("ordering", ["id", "-id", "status"])
def test_shares_are_everything_once(streets: Any, ten: list[int], ordering: str) -> None:
    tasks = streets.tasks.order_by(ordering).page_size(2)
    shares = [
        ids(tasks.to_torch(stream=True, seed=1, tensors=False, rank=rank, world_size=3))
        for rank in range(3)
    ]
    assert sorted(itertools.chain(*shares)) == ten
    assert all(len(share) >= 2 for share in shares)


@pytest.mark.parametrize(("ordering", "seed"), [("id", None), ("-id", 7), ("status", 7)])
@pytest.mark.slow
def test_stream_resumes(streets: Any, ten: list[int], ordering: str, seed: int | None) -> None:
    def make() -> PictureStream:
        tasks = streets.tasks.order_by(ordering).page_size(2)
        return tasks.to_torch(stream=True, seed=seed, tensors=False)

    whole = make()
    passes = [ids(whole), ids(whole)]
    for taken in (0, 1, 2, 5, 10):
        stream = make()
        begun = ids(itertools.islice(stream, taken))
        state = json.loads(json.dumps(stream.state_dict()))
        other = make()
        other.load_state_dict(state)
        assert other.state_dict() == state
        assert begun + ids(other) == passes[0]
        assert ids(other) == passes[1]


@pytest.mark.parametrize("seed", [None, 7])
def test_resumed_stream_leaves_new_rows_out(
    streets: Any, add: Add, ten: list[int], seed: int | None
) -> None:
    whole = ids(stream_of(streets, seed))
    stream = stream_of(streets, seed)
    begun = ids(itertools.islice(stream, 3))
    state = stream.state_dict()

    streets.tasks.get(begun[-1]).delete()
    streets.tasks.get(whole[-1]).delete()
    add(BOXES)
    other = stream_of(streets, seed)
    other.load_state_dict(state)
    assert ids(other) == whole[3:-1]


def test_state_of_another_stream_is_refused(streets: Any, ten: list[int]) -> None:
    stream = stream_of(streets)
    state = stream.state_dict()

    for wrong, message in [
        ({**state, "seed": 8}, "seed=8"),
        ({**state, "page_size": 3}, "page_size=3"),
        ({}, "no 'version'"),
    ]:
        with pytest.raises(UsageError, match=message):
            stream.load_state_dict(wrong)
    other = stream_of(streets, rank=1, world_size=2)
    other.load_state_dict(state)
    with pytest.raises(UsageError, match="worker 0 of 1, and this is worker 1 of 2"):
        iter(other)
    with pytest.raises(UsageError, match="epoch=-1"):
        stream.set_epoch(-1)


def test_stream_of_nothing(streets: Any) -> None:
    assert list(streets.tasks.to_torch(stream=True, seed=1)) == []
    assert list(streets.tasks.filter(id=[]).to_torch(stream=True)) == []
    assert len(streets.tasks.filter(id=[]).to_torch()) == 0


def test_unknown_class_in_a_stream(streets: Any, add: Add) -> None:
    add([Box(1, 2, 3, 4, label="tree")])
    with pytest.raises(SampleError, match="'tree' is not among the classes bus, car"):
        list(streets.tasks.to_torch(stream=True))


# -- Workers -------------------------------------------------------------------------------------


def read_in_worker(dataset: Any, share: slice, results: Any) -> None:
    """Do in a worker process what a DataLoader's worker does."""
    try:
        samples = [dataset[n] for n in range(len(dataset))[share]]
        results.put([(picture.size, target["boxes"]) for picture, target in samples])
    except BaseException as error:
        results.put(error)
        raise


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_the_samples(
    session: Session,
    streets: Any,
    add: Add,
    method: str,
    emulator: EmulatorTenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
    for _ in range(4):
        add(BOXES)
    dataset = streets.tasks.to_torch(tensors=False)
    dataset[0]  # an open connection, which a forked worker must not use
    context = multiprocessing.get_context(method)
    results = context.SimpleQueue()
    workers = [
        context.Process(target=read_in_worker, args=(dataset, slice(n, None, 2), results))
        for n in range(2)
    ]
    for worker in workers:
        worker.start()
    found = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    assert found == [[((64, 48), dataset[0][1]["boxes"])] * 2] * 2
    before = session.request_count
    assert len(collate(dataset)[0]) == 4
    assert session.request_count == before  # the workers have filled the cache


def test_pickle_has_no_token(streets: Any, add: Add, emulator: EmulatorTenant) -> None:
    add(BOXES)
    for dataset in (streets.tasks.to_torch(), stream_of(streets)):
        content = pickle.dumps(dataset)
        assert emulator.api_token.encode() not in content
        assert len(content) < 10_000
        assert len(list(pickle.loads(content))) == 1


def skip_in_worker(dataset: Any) -> None:
    dataset[0]


def test_workers_report_what_they_skip(streets: Any, faulty: list[Any]) -> None:
    dataset = streets.tasks.order_by("id")[1:].to_torch(on_error="skip")
    worker = multiprocessing.get_context("fork").Process(target=skip_in_worker, args=(dataset,))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    assert [each.id for each in dataset.skipped] == [faulty[1].id]
    path = dataset._source._log._path
    assert path.exists()
    del dataset
    assert not path.exists()
