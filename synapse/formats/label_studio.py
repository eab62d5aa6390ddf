"""Label Studio: a JSON list of tasks, each with a picture and the results of annotators.

Rectangles, polygons, keypoints, brush masks, choices and relations are read and written. Label
Studio's places are percent of the picture; rectangles turn around their top left corner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import quoteattr

from synapse.annotations import (
    Group,
    Relation,
)
from synapse.errors import FieldValueError, UsageError
from synapse.formats.json_stream import JSON_ERRORS, read_items
from synapse.formats.label_studio_results import (
    ResultReader,
    read_label,
    read_labels,
    read_stated_size,
    write_result,
)
from synapse.formats.lazy_samples import LazySamples, Step
from synapse.formats.parts import (
    Unfit,
    find_size,
    write_picture,
)
from synapse.formats.picture_frame import FRAME_LOSSES, choose_frame
from synapse.formats.pictures import SUFFIXES, check_mode, is_file, list_entries
from synapse.formats.report import FormatReport
from synapse.formats.safe_xml import read_xml, to_xml_text
from synapse.formats.samples import DataSet, DataSetClass, ImageMode, Sample, check_name
from synapse.formats.writing import note_info

__all__ = ["LOSSES", "read", "recognize", "write"]

LOSSES: dict[str, str] = {
    "attributes": "Attributes that aren't JSON.",
    "bad-mask": "A mask whose bytes are damaged, or whose size isn't that of the picture.",
    "bad-number": "A region without finite numbers.",
    "class-details": "Of a class, only the name has a place.",
    "clipped": FRAME_LOSSES["clipped"],
    "duplicate-id": "A region with the id of another one: it gets a new id.",
    "editor-rotation": "A region of a picture that was turned in the editor.",
    "group": "Members of a group that are in another group, or missing.",
    "info": "Further values of the data set, such as licences, have no place.",
    "more-labels": "Labels of a region after the first one.",
    "no-area": "A region that covers nothing.",
    "no-picture": "A picture whose file isn't there, or a task without a picture.",
    "no-place": "A region or annotation of another kind, such as an ellipse or a polyline.",
    "no-size": "A region of a picture of unknown size.",
    "other-annotator": "Results of further annotators, and cancelled ones.",
    "other-picture": "Regions of another picture of the task; `image_key=` reads that one.",
    "outside": FRAME_LOSSES["outside"],
    "prediction": "Predictions of a model.",
    "renamed": "A picture with the name of another one: it gets another name.",
    "size-differs": FRAME_LOSSES["size-differs"],
    "turned": FRAME_LOSSES["turned"],
    "visibility": "A joint that is occluded or missing: only this package reads that.",
}
"""Codes of the losses that a report of this format can have."""

_FILE = "tasks.json"
_CONFIG = "label_config.xml"
_SNIFF = 2**16
_MAX_SNIFFED = 50
_LOCAL = "/data/local-files/?d="


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for one of Label Studio, or `None`."""
    files = _find_files(folder)
    return f"{files[0].name} has a list of tasks with annotations" if files else None


def _find_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in list_entries(folder, ".json")[:_MAX_SNIFFED]:
        try:
            with path.open("rb") as file:
                text = file.read(_SNIFF).removeprefix(b"\xef\xbb\xbf").lstrip()
        except OSError:
            continue
        has_keys = b'"data"' in text and (b'"annotations"' in text or b'"completions"' in text)
        if text.startswith(b"[") and has_keys:
            found.append(path)
    return found


# -- Reading -------------------------------------------------------------------------------------


def read(
    folder: Path,
    report: FormatReport,
    *,
    file: str | None = None,
    image_key: str | None = None,
    clip: bool = False,
) -> DataSet:
    """Read the tasks of a JSON file.

    Args:
        folder: The folder.
        report: Notes what can't be read.
        file: The JSON file, relative to the folder; by default the only one with tasks.
        image_key: Key of the tasks' `data` that has the picture; by default the first with the
            name of a picture.
        clip: Whether shapes are cut at the picture's edge; by default those partly outside stay.

    Raises:
        UsageError: The folder has no such file, or several, or one that isn't valid JSON.
    """
    paths = _find_files(folder) if file is None else [folder / file]
    if len(paths) != 1 or not paths[0].is_file():
        names = ", ".join(path.name for path in paths) or "none"
        raise UsageError(f"{folder} needs one JSON file with tasks; it has {names}. Pass file=.")
    (path,) = paths
    classes: dict[str, list[str]] = {}
    targets: set[str] = set()
    for item in read_items(path):
        results, _ = _choose_results(item.value)
        rows = [each for each in results if isinstance(each, dict)]
        labels = {str(each.get("id")): read_label(each) for each in rows}
        targets.update(each["to_name"] for each in rows if isinstance(each.get("to_name"), str))
        for each in rows:
            label, parent = read_label(each), labels.get(str(each.get("parentID")))
            if label is not None and parent is not None and each["type"] == "keypointlabels":
                joints = classes.setdefault(parent, [])
                joints += [label] if label not in joints else []
            elif label is not None:
                classes.setdefault(label, [])
    found = [DataSetClass(name, keypoints=joints) for name, joints in classes.items()]
    tags = dict.fromkeys(targets, "") if len(targets) > 1 else {}
    tags |= _read_tags(folder / _CONFIG)

    def build_steps() -> Iterator[Step]:
        names: set[str] = set()
        for number, item in enumerate(read_items(path), start=1):
            yield partial(_read_task, item.value, number, folder, image_key, tags, names, clip)

    return DataSet(found, LazySamples(build_steps, report))


def _choose_results(task: Any) -> tuple[list[Any], int]:
    """Return the results of a task's first annotation, and the number of further ones."""
    rows = task.get("annotations", task.get("completions")) if isinstance(task, dict) else None
    valid = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    chosen = [row for row in valid if not row.get("was_cancelled")]
    results = chosen[0].get("result") if chosen else None
    return (results if isinstance(results, list) else []), len(valid) - len(chosen[:1])


def _is_annotated(task: Mapping[str, Any]) -> bool:
    rows = task.get("annotations", task.get("completions"))
    valid = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return any(not row.get("was_cancelled") for row in valid)


def _read_task(
    task: Any,
    number: int,
    folder: Path,
    image_key: str | None,
    tags: Mapping[str, str],
    names: set[str],
    clip: bool,
    report: FormatReport,
) -> Sample | None:
    data = task.get("data") if isinstance(task, dict) else None
    data = data if isinstance(data, dict) else {}
    pictures = [key for key, value in data.items() if _is_picture(value)]
    key = image_key or next(iter(pictures), "")
    url = data.get(key)
    if not isinstance(url, str) or (name := _choose_name(url)) is None:
        report.skip(f"task {number}", "no-picture", f"The data has no picture: {sorted(data)}.")
        return None
    image = _find_image(folder, name)
    name = name.removeprefix("images/")
    path = PurePosixPath(name)
    if name in names:
        name = str(path.with_name(f"{path.stem}~{task.get('id', number)}{path.suffix}"))
        report.lose(name, "renamed", f"Another picture has the name {path}.")
    names.add(name)
    results, others = _choose_results(task)
    if others:
        report.skip(name, "other-annotator", f"{others} further or cancelled annotations.")
    if task.get("predictions"):
        report.skip(name, "prediction", "The predictions are left out.")
    results = [each for each in results if isinstance(each, dict)]
    if len(pictures) > 1:
        results = _choose_regions(results, data, key, tags, name, report)
    stated = next(filter(None, map(read_stated_size, results)), None)
    frame = choose_frame(image, stated, name, report)
    found = ResultReader(name, frame.size, report).read(results)
    found = frame.place(found, name, report, clip=clip)
    split = data.get("split")
    return Sample(
        name,
        found,
        size=frame.stored_size,
        image=image,
        split=split if isinstance(split, str) else None,
        id=task.get("id") if isinstance(task.get("id"), (int, str)) else None,
        is_labelled=_is_annotated(task),
    )


def _choose_regions(
    results: list[dict[str, Any]],
    data: Mapping[str, Any],
    key: str,
    tags: Mapping[str, str],
    name: str,
    report: FormatReport,
) -> list[dict[str, Any]]:
    """Return the results of one of a task's pictures, and note those of the others."""
    others: dict[str, str] = {}
    for number, each in enumerate(results):
        target = each.get("to_name")
        if isinstance(target, str):
            shown = tags.get(target) or (target if target in data else tags.get(target, key))
            if shown != key:
                others[str(each.get("id", number))] = target
    if not others:
        return results
    reason = (
        f"{len(others)} regions of {', '.join(sorted({*others.values()}))} aren't known to be of "
        f"{key!r}. Pass image_key= for another picture; {_CONFIG} says which tag shows which."
    )
    report.skip(name, "other-picture", reason)
    ends = ("id", "from_id", "to_id")
    return [
        each
        for number, each in enumerate(results)
        if str(each.get("id", number)) not in others
        and not any(str(each[end]) in others for end in ends[1:] if end in each)
    ]


def _read_tags(path: Path) -> dict[str, str]:
    """Return the key of the tasks' data that each picture of a configuration shows."""
    try:
        root = read_xml(path)
    except (OSError, UsageError):
        return {}
    return {
        each.get("name", ""): each.get("value", "").removeprefix("$") for each in root.iter("Image")
    }


def _is_picture(value: Any) -> bool:
    name = _choose_name(value) if isinstance(value, str) else None
    return name is not None and PurePosixPath(name).suffix.lower() in SUFFIXES


def _choose_name(url: str) -> str | None:
    """Return the relative path that a task's URL has, or `None`."""
    url = url.replace("\\", "/")
    try:
        parts = urlsplit(url)
        if not parts.scheme and not url.startswith("/"):
            return check_name(url)
        name = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
        is_local = "d" in parse_qs(parts.query) and not name.startswith("/")
        return check_name(name if is_local else PurePosixPath(name).name)
    except (UsageError, ValueError):
        return None


def _find_image(folder: Path, name: str) -> Path | None:
    # An upload's name begins with eight digits that Label Studio added.
    plain = PurePosixPath(name).name.partition("-")[2]
    names = [name, f"images/{name}", *((plain, f"images/{plain}") if plain else ())]
    return next((folder / each for each in names if is_file(folder / each)), None)


# -- Writing -------------------------------------------------------------------------------------


def write(
    data: DataSet,
    folder: Path,
    report: FormatReport,
    *,
    images: ImageMode = "copy",
    prefix: str = _LOCAL,
) -> None:
    """Write `tasks.json`, `label_config.xml`, and the pictures into `images/`.

    Args:
        data: The data set; a sample's split is `data.split` of its task.
        folder: The folder.
        report: Notes what the format can't hold.
        images: `"copy"`, `"link"` for hard links where possible, or `"none"`.
        prefix: Begin of the pictures' URLs, before `images/NAME`; by default that of Label
            Studio's local files.

    Raises:
        UsageError: An argument isn't valid.
    """
    check_mode(images)
    note_info(data, _FILE, report)
    details = [each.name for each in data.classes if each.supercategory or each.skeleton]
    if details:
        report.lose(_FILE, "class-details", f"Only the names of {', '.join(details)} are kept.")
    labels = {each.name for each in data.classes}
    part = folder / f"{_FILE}.part"
    with part.open("w", encoding="utf-8", errors=JSON_ERRORS, newline="\n") as file:
        separator = "[\n"
        names: set[str] = set()
        for sample in data.samples:
            task = _write_task(sample, folder, report, images, prefix, names)
            results = [each for row in task["annotations"] for each in row["result"]]
            labels.update(label for each in results for label in read_labels(each))
            file.write(separator + json.dumps(task, ensure_ascii=False, allow_nan=False))
            separator = ",\n"
            report.samples += 1
        file.write("[]\n" if separator == "[\n" else "\n]\n")
    part.replace(folder / _FILE)
    known = [each.name for each in data.classes]
    config = _build_config([*known, *sorted(labels - set(known))])
    (folder / _CONFIG).write_text(config, encoding="utf-8", newline="\n")


def _build_config(labels: Iterable[str]) -> str:
    lines = ["<View>", '  <Image name="image" value="$image"/>']
    tags = {"RectangleLabels": "Label", "PolygonLabels": "Label", "KeyPointLabels": "Label"}
    values = list(map(to_xml_text, labels))
    for tag, child in {**tags, "BrushLabels": "Label", "Choices": "Choice"}.items():
        lines.append(f'  <{tag} name="{tag.lower()}" toName="image">')
        lines += [f"    <{child} value={quoteattr(each)}/>" for each in values]
        lines.append(f"  </{tag}>")
    return "\n".join([*lines, "</View>", ""])


def _write_task(
    sample: Sample,
    folder: Path,
    report: FormatReport,
    images: ImageMode,
    prefix: str,
    names: set[str],
) -> dict[str, Any]:
    path = PurePosixPath("images", sample.name)
    if str(path) in names:
        path = PurePosixPath("images", sample.split or "_", sample.name)
        report.lose(sample.name, "renamed", f"Two pictures have the name: this one is {path}.")
    names.add(str(path))
    write_picture(sample, folder / path, images, report)
    data = {"image": prefix + quote(str(path))}
    if sample.split is not None:
        data["split"] = sample.split
    parents: dict[str, str] = {}
    ids = {each.id for each in sample.annotations if not isinstance(each, (Group, Relation))}
    for group in sample.annotations:
        if isinstance(group, Group):
            fit = [each for each in group.members if each in ids and each not in parents]
            if len(fit) < len(group.members) or group.attributes or not fit:
                reason = "Members are missing or in another group, or the group has attributes."
                report.lose(sample.name, "group", reason, annotation=group.id)
            parents.update((each, fit[0]) for each in fit[1:])
    size = find_size(sample)
    results: list[dict[str, Any]] = []
    for each in sample.annotations:
        if not isinstance(each, Group):
            try:
                result = write_result(each, size, sample.name, report)
            except (Unfit, FieldValueError) as error:
                code = error.code if isinstance(error, Unfit) else "bad-mask"
                report.skip(sample.name, code, str(error), annotation=each.id)
                continue
            if each.id in parents:
                result["parentID"] = parents[each.id]
            results.append(result)
            report.annotations += 1
    rows = [] if sample.is_unknown else [{"result": results}]
    task: dict[str, Any] = {"data": data, "annotations": rows}
    return task if sample.id is None else {"id": sample.id, **task}
