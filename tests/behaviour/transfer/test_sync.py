"""`collection.sync()`: what is new, changed, unchanged and gone, and what follows."""

from __future__ import annotations

import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synapse
from synapse import errors
from synapse.testing import assert_num_requests
from synapse.testing.tenants import EmulatorTenant
from synapse.transfer.bulk import batch_create, obsolete_units
from synapse.transport.paging import walk

Made = tuple[synapse.DataCollection, synapse.Project]


@pytest.fixture
def made(session: synapse.Session, state_home: Path) -> Made:
    """A collection of images, with a text or not, and a project."""
    return make(session)


def make(session: synapse.Session) -> Made:
    collection = session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[
            synapse.FileSpecification(name="image", file_type="image", is_primary=True),
            synapse.FileSpecification(name="note", file_type="text", is_required=False),
        ],
    )
    project = session.projects.create(title="P", category="image", data_collection=collection)
    return collection, project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photos."""
    source = tmp_path / "photos"
    source.mkdir()
    for name in "abc":
        (source / f"{name}.png").write_text(f"photo {name}")
    return source


@pytest.fixture
def forget(state_home: Path) -> Callable[[], None]:
    """Makes the container fresh: no journal is left."""
    return lambda: shutil.rmtree(state_home, ignore_errors=True)


def sync(collection: synapse.DataCollection, source: Any, **options: Any) -> Any:
    report = collection.sync(source, progress=False, **options)
    assert not options.get("dry_run") or not (report.created or report.files_sent)
    return report


def counts(report: Any) -> tuple[int, int, int, int]:
    return tuple(len(getattr(report, name)) for name in ("new", "changed", "unchanged", "gone"))  # type: ignore[return-value]


def keys(entries: Any) -> list[str]:
    return [entry.key for entry in entries]


def paths(collection: synapse.DataCollection) -> Counter[str]:
    return Counter(str(unit.files["image"].path) for unit in collection.data_units)


@pytest.mark.parametrize("behaviour", [{}, {"checksums": "sha1"}, {"unordered_ties": True}])
def test_second_run_in_a_fresh_container_makes_nothing(
    made: Made,
    folder: Path,
    forget: Callable[[], None],
    session: synapse.Session,
    emulator: EmulatorTenant,
    behaviour: dict[str, Any],
) -> None:
    collection, project = made
    with emulator.behave(**behaviour):
        first = sync(collection, folder, project=project)
        assert counts(first) == (3, 0, 0, 0)
        assert (first.created, first.tasks, first.files_sent, first.failed) == (3, 3, 3, [])
        assert all(entry.unit and entry.task for entry in first.new)

        forget()
        with assert_num_requests(session, 3):  # collection, units, tasks
            second = sync(collection, folder, project=project)

    assert counts(second) == (0, 0, 3, 0)
    assert (second.created, second.tasks, second.files_sent, second.skipped) == (0, 0, 0, 3)
    assert [*second.unchanged] == [*first.new]
    assert (second.unchanged[-1].key, keys(second.unchanged[:2])) == ("c.png", ["a.png", "b.png"])


def test_lists_are_read_in_an_order_that_pages_need(
    made: Made, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, project = made
    orders = []

    def record(transport: Any, path: str, params: Any, **options: Any) -> Any:
        orders.append((path, dict(params).get("ordering")))
        return walk(transport, path, params, **options)

    for module in (obsolete_units, batch_create):
        monkeypatch.setattr(module, "walk", record)
    first = sync(collection, folder, project=project)
    collection.data_units.get(first.new[0].unit).delete()
    project.tasks.get(first.new[1].task).delete()
    collection.upload(folder, project=project, progress=False)  # reads the ids that are left
    assert {path for path, _ in orders} == {"data_units/", "sdk/tasks/"}
    assert {order for _, order in orders} == {"id", "-id"}
    assert len(orders) > 4


def test_presigned_uploads_are_found_again(
    made: Made, folder: Path, forget: Callable[[], None], session: synapse.Session
) -> None:
    session.storages.create(
        name="bucket", provider="minio", category="internal", configuration={}, is_default=True
    )
    assert sync(made[0], folder).files_sent == 3
    forget()
    report = sync(made[0], folder)
    assert (counts(report), report.files_sent) == ((0, 0, 3, 0), 0)


def test_upload_and_sync_know_each_others_units(
    made: Made, folder: Path, forget: Callable[[], None]
) -> None:
    collection, project = made
    collection.upload(folder, project=project, progress=False)
    assert counts(sync(collection, folder, project=project)) == (0, 0, 3, 0)
    forget()
    (folder / "d.png").write_text("photo d")
    assert keys(sync(collection, folder, project=project).new) == ["d.png"]
    assert collection.upload(folder, project=project, progress=False).created == 0
    assert collection.data_units.count() == project.tasks.count() == 4


def test_journal_is_not_believed(made: Made, folder: Path) -> None:
    collection, project = made
    first = sync(collection, folder, project=project)
    collection.data_units.get(first.new[0].unit).delete()
    report = sync(collection, folder, project=project)
    assert (keys(report.new), report.created, report.tasks) == (["a.png"], 1, 1)
    assert paths(collection) == {"a.png": 1, "b.png": 1, "c.png": 1}


@pytest.mark.parametrize("fresh", [True, False])
def test_other_normalisation_is_the_same_path(
    made: Made, folder: Path, forget: Callable[[], None], fresh: bool
) -> None:
    name = "caf\u00e9.png"
    (folder / name).write_text("photo")
    sync(made[0], folder)
    (folder / name).rename(folder / unicodedata.normalize("NFD", name))
    if fresh:
        forget()
    assert counts(sync(made[0], folder)) == (0, 0, 4, 0)
    assert made[0].data_units.count() == 4


def test_two_spellings_of_a_path_are_refused(made: Made, folder: Path) -> None:
    for form in ("NFC", "NFD"):
        (folder / unicodedata.normalize(form, "caf\u00e9.png")).write_text(form)
    with pytest.raises(errors.UsageError, match="more than one file"):
        sync(made[0], folder)
    assert made[0].data_units.count() == 0


def test_two_records_of_a_key_are_refused(made: Made, folder: Path) -> None:
    records = [
        {"files": {"image": folder / f"{name}.png"}, "meta": {"id": 1}} for name in ("a", "a", "b")
    ]
    for _ in range(2):
        report = sync(made[0], records, key="meta.id", delete=True)
        assert "has the same key as an earlier record" in str(report.failed[0].error)
        assert len(report.failed) == 1
    assert counts(report) == (0, 0, 1, 0)
    assert paths(made[0]) == {"a.png": 1}


def test_link_to_a_folder_that_is_away_deletes_nothing(made: Made, folder: Path) -> None:
    disk = folder.parent / "disk"
    disk.mkdir()
    (disk / "d.png").write_text("photo d")
    (folder / "disk").symlink_to(disk)
    assert counts(sync(made[0], folder)) == (4, 0, 0, 0)
    disk.rename(folder.parent / "unmounted")

    for source, scope in ((folder, None), (str(folder / "**" / "*.png"), "*.png")):
        report = sync(made[0], source, delete=True, scope=scope, max_delete=1)
        assert "the link leads nowhere" in str(report.failed[0].error)
        assert counts(report) == (0, 0, 3, 0)

    assert made[0].data_units.count() == 4


def test_scope_is_a_folder_as_it_is_written(made: Made, folder: Path) -> None:
    for name in ("a[1]", "a1"):
        (folder / name).mkdir()
        (folder / name / "x.png").write_text(f"photo of {name}")
    sync(made[0], folder)
    shutil.rmtree(folder / "a1")
    assert len(sync(made[0], folder, delete=True, scope="a[1]", max_delete=1).gone) == 0
    shutil.rmtree(folder / "a[1]")

    report = sync(made[0], folder, delete=True, scope="a[1]/", max_delete=1)

    assert [entry.key for entry in report.gone] == ["a[1]/x.png"]
    assert paths(made[0]) == {"a.png": 1, "b.png": 1, "c.png": 1, "a1/x.png": 1}


@pytest.mark.parametrize("scope", ["", ".", "./", "/data/photos", "../photos", "C:\\photos", 3])
def test_scope_that_is_no_folder_of_the_source(made: Made, folder: Path, scope: Any) -> None:
    with pytest.raises(errors.UsageError, match="scope="):
        sync(made[0], folder, delete=True, scope=scope)


@pytest.mark.parametrize("is_older", [False, True])
def test_unit_of_another_source_stays(made: Made, folder: Path, is_older: bool) -> None:
    collection, project = made
    other = folder.parent / "other"
    other.mkdir()
    (other / "a.png").write_text("another photo of the same name")
    for source in (other, folder) if is_older else (folder, other):
        collection.upload(source, project=project, progress=False)
    before = {(task.id, task.data_unit.id) for task in project.tasks.expand("data_unit")}

    report = sync(collection, folder, project=project, on_change="replace")

    assert (len(report.replaced), len(report.moved), len(report.kept)) == (0, 0, 1)
    assert "another source has the same key" in report.notes[-1]
    assert {(task.id, task.data_unit.id) for task in project.tasks.expand("data_unit")} == before


def test_newer_unit_without_tasks_stays(made: Made, folder: Path) -> None:
    collection, _ = made
    collection.upload(folder, progress=False)
    (folder / "a.png").write_text("another photo of the same name")
    collection.upload(folder, progress=False)
    (folder / "a.png").write_text("photo a")

    report = sync(collection, folder, on_change="replace")

    assert (len(report.unchanged), len(report.replaced), len(report.kept)) == (3, 0, 1)
    assert paths(collection) == {"a.png": 2, "b.png": 1, "c.png": 1}


def test_unit_that_another_program_deletes_meanwhile(
    made: Made, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, project = made
    first = sync(collection, folder, project=project)
    gone = first.new[0].unit
    (folder / "a.png").write_text("another photo a")
    (folder / "b.png").write_text("another photo b")
    replace = obsolete_units.ObsoleteUnits.replace

    def delete_first(self: Any, *args: Any) -> None:
        collection.data_units.get(gone).delete()
        replace(self, *args)

    monkeypatch.setattr(obsolete_units.ObsoleteUnits, "replace", delete_first)
    report = sync(collection, folder, project=project, on_change="replace")

    assert report.failed == []
    assert list(report.replaced) == [first.new[1].unit]


def test_key_that_records_share_replaces_nothing(made: Made, folder: Path) -> None:
    records = [
        {"files": {"image": folder / f"{name}.png"}, "meta": {"id": name, "site": "north"}}
        for name in "abc"
    ]
    sync(made[0], records, key="meta.id")

    report = sync(made[0], records, key="meta.site", on_change="replace")

    assert "No unit was replaced, because records share the key 'north'" in str(
        report.failed[-1].error
    )
    assert paths(made[0]) == {"a.png": 1, "b.png": 1, "c.png": 1}


def test_changed_file_gives_a_new_unit_beside(made: Made, folder: Path) -> None:
    collection, project = made
    first = sync(collection, folder, project=project)
    (folder / "b.png").write_text("another photo b")
    for _ in range(2):
        dry = sync(collection, folder, project=project, dry_run=True)
        assert (counts(dry), keys(dry.changed)) == ((0, 1, 2, 0), ["b.png"])
        assert dry.changed[0].unit == first.new[1].unit
        skipped = sync(collection, folder, project=project, on_change="skip")
        assert (counts(skipped), skipped.created) == ((0, 1, 2, 0), 0)
    assert collection.data_units.count() == 3

    report = sync(collection, folder, project=project)
    assert (counts(report), report.created, report.tasks) == ((0, 1, 2, 0), 1, 1)
    assert report.changed[0].unit not in (None, first.new[1].unit)
    (folder / "b.png").write_text("photo b")  # the old unit is still there
    assert counts(sync(collection, folder, project=project)) == (0, 0, 3, 0)
    assert paths(collection) == {"a.png": 1, "b.png": 2, "c.png": 1}


@pytest.mark.parametrize(("annotations", "status"), [("move", "completed"), ("review", "pending")])
def test_replacing_moves_the_annotations(
    made: Made, folder: Path, annotations: Any, status: str
) -> None:
    collection, project = made
    first = sync(collection, folder, project=project)
    document = {"annotations": [{"type": "class", "label": "owl"}]}
    task = project.tasks.get(first.new[1].task).annotate(document)
    (folder / "b.png").write_text("another photo b")

    report = sync(collection, folder, project=project, on_change="replace", annotations=annotations)

    assert (counts(report), report.created, report.tasks) == ((0, 1, 2, 0), 1, 0)
    assert (report.moved, report.replaced) == ([task.id], [first.new[1].unit])
    assert paths(collection) == {"a.png": 1, "b.png": 1, "c.png": 1}
    task.refresh()
    assert (task.data_unit_id, task.data, task.status) == (
        report.changed[0].unit,
        document,
        status,
    )
    assert project.tasks.count() == 3
    again = sync(collection, folder, project=project, on_change="replace")
    assert (counts(again), again.moved, again.replaced) == ((0, 0, 3, 0), [], [])


def test_replacing_goes_on_after_a_kill(made: Made, folder: Path) -> None:
    collection, project = made
    first = sync(collection, folder, project=project)
    (folder / "b.png").write_text("another photo b")
    sync(collection, folder)  # the new unit, as if the rest was killed
    report = sync(collection, folder, project=project, on_change="replace")
    assert (counts(report), report.tasks) == ((0, 0, 3, 0), 0)
    assert report.replaced == [first.new[1].unit]
    assert (collection.data_units.count(), project.tasks.count()) == (3, 3)


def test_unit_stays_if_the_server_keeps_its_task(
    made: Made, folder: Path, monkeypatch: pytest.MonkeyPatch, session: synapse.Session
) -> None:
    collection, project = made
    first = sync(collection, folder, project=project)
    (folder / "b.png").write_text("another photo b")
    request = session.transport.request

    def ignore_unit(method: str, path: str, **options: Any) -> Any:
        if method == "PATCH":
            options["json"] = {}
        return request(method, path, **options)

    monkeypatch.setattr(session.transport, "request", ignore_unit)
    report = sync(collection, folder, project=project, on_change="replace")
    assert "the server kept the task" in str(report.failed[0].error)
    assert collection.data_units.filter(id=first.new[1].unit).exists()


def test_deletes_what_is_gone_without_annotations(made: Made, folder: Path) -> None:
    collection, project = made
    first = sync(collection, folder, project=project)
    project.tasks.get(first.new[0].task).annotate({"annotations": []})
    (folder / "a.png").unlink()
    (folder / "b.png").unlink()
    assert counts(sync(collection, folder, project=project)) == (0, 0, 1, 2)
    dry = sync(collection, folder, delete=True, max_delete=1, dry_run=True)
    assert (keys(dry.gone), dry.deleted) == (["a.png", "b.png"], [])

    refused = sync(collection, folder, delete=True)
    assert "2 of 3 units would go" in str(refused.failed[0].error)
    assert collection.data_units.count() == 3

    report = sync(collection, folder, delete=True, max_delete=0.7)
    assert (report.deleted, report.kept) == ([first.new[1].unit], [first.new[0].unit])
    assert [entry.is_deleted for entry in report.gone] == [False, True]
    assert paths(collection) == {"a.png": 1, "c.png": 1}
    assert project.tasks.count() == 2

    report = sync(collection, folder, delete="annotated")
    assert report.deleted == [first.new[0].unit]
    assert paths(collection) == {"c.png": 1}


def test_tasks_that_somebody_has_begun_keep_their_unit(made: Made, folder: Path) -> None:
    collection, project = made
    first = sync(collection, folder, project=project)
    task = project.tasks.get(first.new[0].task)
    task.status = "in_progress"
    task.save()
    (folder / "a.png").unlink()
    report = sync(collection, folder, delete=True)
    assert (report.deleted, report.kept) == ([], [first.new[0].unit])
    assert "1 units that are gone stay" in report.notes[0]


def test_units_with_ground_truths_stay(made: Made, folder: Path, emulator: EmulatorTenant) -> None:
    collection, _ = made
    first = sync(collection, folder)
    items = [{"data_unit": entry.unit, "data": {}, "category": "train"} for entry in first.new]
    emulator.emulator.add_ground_truths(emulator.tenant, items)
    (folder / "a.png").unlink()
    (folder / "b.png").write_text("another photo b")
    report = sync(collection, folder, on_change="replace", delete="annotated")
    assert (report.replaced, report.deleted) == ([], [])
    assert report.kept == [first.new[1].unit, first.new[0].unit]
    assert collection.data_units.count() == 4


@pytest.mark.parametrize("journal", ["fresh", "old"])
def test_empty_source_deletes_nothing(
    made: Made, folder: Path, forget: Callable[[], None], journal: str
) -> None:
    sync(made[0], folder)
    shutil.rmtree(folder)
    folder.mkdir()
    if journal == "fresh":
        forget()
    report = sync(made[0], folder, delete=True, max_delete=1)
    assert "the source is empty" in str(report.failed[0].error)
    assert (made[0].data_units.count(), len(report.gone)) == (3, 3)


def test_failures_keep_what_is_gone(made: Made, folder: Path) -> None:
    sync(made[0], folder)
    (folder / "a.png").unlink()
    (folder / "b.png").write_bytes(b"")  # can't be sent
    report = sync(made[0], folder, delete=True)
    assert (keys(report.gone), report.deleted) == (["a.png"], [])
    assert len(report.failed) == 1
    assert report.notes == ["Nothing was deleted, because 1 records failed. Run the sync again."]


def test_scope_and_ignored_paths_bound_deleting(made: Made, tmp_path: Path) -> None:
    source = tmp_path / "sites"
    for site in ("berlin", "seoul", "old"):
        (source / site).mkdir(parents=True)
        for name in "abc":
            (source / site / f"{name}.png").write_text(site + name)
    sync(made[0], source)
    for site in ("berlin", "seoul", "old"):
        (source / site / "a.png").unlink()
    assert keys(sync(made[0], source, ignore="old").gone) == ["berlin/a.png", "seoul/a.png"]
    report = sync(made[0], source, delete=True, scope="berlin")
    assert keys(report.gone) == ["berlin/a.png"]
    assert len(report.deleted) == 1
    with pytest.raises(errors.UsageError, match="needs scope="):
        sync(made[0], f"{source}/*/b.png", delete=True)


def test_key_in_meta(made: Made, folder: Path, forget: Callable[[], None]) -> None:
    def records(*ids: Any, image: str = "a.png", **meta: Any) -> list[dict[str, Any]]:
        path = folder / image
        return [{"files": {"image": path}, "meta": {"coco": {"id": one}, **meta}} for one in ids]

    collection = made[0]
    report = sync(collection, records(1, 2, "x"), key="meta.coco.id")
    assert keys(report.new) == ["1", "2", "x"]
    forget()
    assert counts(sync(collection, records(1, 2), key="meta.coco.id")) == (0, 0, 2, 1)
    changed = sync(collection, records(2, image="b.png"), key="meta.coco.id", on_change="replace")
    assert keys(changed.changed) == ["2"]
    changed = sync(collection, records(2, image="b.png", site=1), key="meta.coco.id")
    assert keys(changed.changed) == ["2"]
    failed = sync(
        collection, [*records(1), {"files": {"image": folder / "c.png"}}], key="meta.coco.id"
    )
    assert "has no text or number as meta.coco.id" in str(failed.failed[0].error)


def test_units_of_another_machine_count_before_each_batch(
    made: Made, folder: Path, session: synapse.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, project = made
    request = session.transport.request

    def race(method: str, path: str, **options: Any) -> Any:
        if method == "POST" and path == "data_files/":
            monkeypatch.setattr(session.transport, "request", request)
            collection.upload(folder, project=project, journal=folder.parent / "j", progress=False)
        return request(method, path, **options)

    monkeypatch.setattr(session.transport, "request", race)
    report = sync(collection, folder, project=project, workers=1)
    assert (report.created, report.tasks, counts(report)) == (0, 0, (0, 0, 3, 0))
    assert (collection.data_units.count(), project.tasks.count()) == (3, 3)


def test_units_of_the_same_moment_are_reported_and_merged(
    made: Made, folder: Path, session: synapse.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, project = made
    request = session.transport.request

    def race(method: str, path: str, **options: Any) -> Any:
        if method == "POST" and path == "data_units/":
            monkeypatch.setattr(session.transport, "request", request)
            collection.upload(folder, project=project, journal=folder.parent / "j", progress=False)
        return request(method, path, **options)

    monkeypatch.setattr(session.transport, "request", race)
    report = sync(collection, folder, project=project)
    assert (report.created, keys(report.twice)) == (3, ["a.png", "b.png", "c.png"])
    assert "3 units exist twice" in report.notes[0]

    merged = sync(collection, folder, project=project, on_change="replace")
    assert (counts(merged), len(merged.replaced)) == ((0, 0, 3, 0), 3)
    assert (collection.data_units.count(), project.tasks.count()) == (3, 3)
    assert len(sync(collection, folder, project=project).twice) == 0


def test_two_machines_at_once(
    made: Made, folder: Path, session: synapse.Session, tmp_path: Path
) -> None:
    collection, project = made
    for number in range(20):
        (folder / f"{number}.png").write_text(f"photo {number}")

    def run(journal: str) -> Any:
        return sync(collection, folder, project=project, journal=tmp_path / journal)

    with ThreadPoolExecutor(2) as pool:
        reports = [*pool.map(run, ["one", "two"])]

    assert [report.failed for report in reports] == [[], []]
    twice = {path for path, count in paths(collection).items() if count > 1}
    assert twice == {key for report in reports for key in keys(report.twice)}
    merged = sync(collection, folder, project=project, on_change="replace")
    assert (merged.failed, len(merged.replaced)) == ([], len(twice))
    assert collection.data_units.count() == 23
    by_unit = Counter(task.data_unit_id for task in project.tasks)
    assert by_unit.keys() == {unit.id for unit in collection.data_units}


def test_one_run_at_a_time(
    made: Made, folder: Path, session: synapse.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = session.transport.request
    refused = []

    def overlap(method: str, path: str, **options: Any) -> Any:
        if method == "POST" and path == "data_units/":
            with pytest.raises(errors.JournalInUse) as caught:
                sync(made[0], folder)
            refused.append(caught.value)
        return request(method, path, **options)

    monkeypatch.setattr(session.transport, "request", overlap)
    assert sync(made[0], folder).created == 3
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"key": "name"}, "key='name'"),
        ({"key": "meta."}, "key='meta.'"),
        ({"on_change": "update"}, "on_change='update'"),
        ({"annotations": "drop"}, "annotations='drop'"),
        ({"delete": 1}, "delete=1"),
        ({"max_delete": 50}, "max_delete=50"),
    ],
)
def test_wrong_options(made: Made, folder: Path, options: Any, text: str) -> None:
    with pytest.raises(errors.UsageError, match=text):
        sync(made[0], folder, **options)
    assert made[0].data_units.count() == 0


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(
    "step", ["POST data_files", "POST data_units", "POST tasks", "PATCH tasks", "DELETE data_units"]
)
def test_run_that_ends_early_is_completed(
    made: Made,
    folder: Path,
    forget: Callable[[], None],
    session: synapse.Session,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    fresh: bool,
) -> None:
    collection, project = made
    options: Any = {"project": project, "on_change": "replace", "delete": True}
    first = sync(collection, folder, **options)
    (folder / "a.png").unlink()
    (folder / "b.png").write_text("another photo b")
    (folder / "d.png").write_text("photo d")
    request = session.transport.request

    def end_after(method: str, path: str, **given: Any) -> Any:
        answer = request(method, path, **given)
        if f"{method} {path}".startswith(step):
            raise _Killed
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(session.transport, "request", end_after)
        with pytest.raises(_Killed):
            sync(collection, folder, **options)
    if fresh:
        forget()
    report = sync(collection, folder, **options)

    assert (report.failed, len(report.changed), len(report.twice)) == ([], 0, 0) or (
        step == "POST data_files"
    )
    assert paths(collection) == {"b.png": 1, "c.png": 1, "d.png": 1}
    units = {str(unit.files["image"].path): unit.id for unit in collection.data_units}
    tasks = {task.data_unit_id: task.id for task in project.tasks}
    assert len(tasks) == project.tasks.count() == 3
    assert tasks[units["b.png"]] == first.new[1].task


NAMES = st.sampled_from(["a.png", "b/a.png", "caf\u00e9.png", "d.png"])
STATES = st.dictionaries(NAMES, st.integers(1, 3), min_size=1)
# Requests that change something, after which the first run of the night ends.
ENDS = st.none() | st.integers(1, 8)
NIGHTS = st.lists(st.tuples(STATES, st.booleans(), st.booleans(), ENDS), min_size=2, max_size=3)


@given(nights=NIGHTS)
@settings(max_examples=6, deadline=None)
def test_any_nights(
    session: synapse.Session,
    tmp_path: Path,
    forget: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    nights: Any,
) -> None:
    collection, project = make(session)
    source = tmp_path / "any"
    before: dict[str, int] = {}
    request = session.transport.request
    for state, is_fresh, is_decomposed, end in nights:
        shutil.rmtree(source, ignore_errors=True)
        for name, content in state.items():
            spelling = unicodedata.normalize("NFD", name) if is_decomposed else name
            (source / spelling).parent.mkdir(parents=True, exist_ok=True)
            (source / spelling).write_text(f"{name} {content}")
        if is_fresh:
            forget()
        options: Any = {"project": project, "on_change": "replace"}
        left = [end]

        def end_after(method: str, path: str, left: list[Any] = left, **given: Any) -> Any:
            answer = request(method, path, **given)
            left[0] -= method != "GET"
            if left[0] <= 0:
                raise _Killed
            return answer

        if end is not None:
            with monkeypatch.context() as patch, suppress(_Killed):
                patch.setattr(session.transport, "request", end_after)
                sync(collection, source, delete=True, max_delete=1, **options)
            if is_fresh:
                forget()
        expected = (
            len(state.keys() - before.keys()),
            sum(state[name] != before[name] for name in state.keys() & before.keys()),
            sum(state[name] == before[name] for name in state.keys() & before.keys()),
            len(before.keys() - state.keys()),
        )
        if is_fresh and end is None:
            assert counts(sync(collection, source, dry_run=True, **options)) == expected
        report = sync(collection, source, delete=True, max_delete=1, **options)
        assert (report.failed, report.notes) == ([], [])
        assert end is not None or counts(report) == expected
        assert sum(counts(report)[:3]) == len(state)
        assert paths_composed(collection) == dict.fromkeys(state, 1)
        assert Counter(task.data_unit_id for task in project.tasks) == dict.fromkeys(
            (unit.id for unit in collection.data_units), 1
        )
        before = state


def paths_composed(collection: synapse.DataCollection) -> dict[str, int]:
    composed = Counter[str]()
    for path, count in paths(collection).items():
        composed[unicodedata.normalize("NFC", path)] += count
    return dict(composed)


@pytest.mark.parametrize("on_change", ["new", "skip"])
def test_review_without_replace_is_refused(made: Made, folder: Path, on_change: Any) -> None:
    collection, project = made
    with (
        assert_num_requests(collection._session, 0),
        pytest.raises(errors.UsageError, match="Pass on_change='replace' too"),
    ):
        collection.sync(folder, project=project, on_change=on_change, annotations="review")


@pytest.mark.parametrize("name", ["sync", "upload"])
def test_a_project_of_another_collection_is_refused(made: Made, folder: Path, name: str) -> None:
    collection, project = made
    session = collection._session
    other = session.data_collections.create(name="others", category="image")
    with (
        assert_num_requests(session, 0),
        pytest.raises(errors.UsageError, match=rf"data collection {collection.id}, not {other.id}"),
    ):
        getattr(other, name)(folder, project=project)
    assert other.data_units.count() == 0
