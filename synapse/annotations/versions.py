"""Forms of annotation documents, and their conversion to version 1.

Version 1 has two lists for each medium, `annotations` and `annotationsData`, joined by id. Version
2 has a list for each medium and tool. Version 2 may be wrapped together with a version 1, and some
importers of the platform write a third form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synapse.annotations.base import Json, make_id
from synapse.annotations.shapes import VISIBILITIES

__all__ = ["TOOL_ALIASES", "find_media", "natural_key", "to_version_1"]

_PLURALS = {
    f"{kind}s": kind for kind in ("image", "video", "pcd", "text", "audio", "prompt", "data")
}
# Names of tools in documents that the platform's importers wrote.
TOOL_ALIASES = {"boundingBox": "bounding_box", "pose": "keypoint"}


def to_version_1(document: Any) -> dict[str, Any] | None:
    """Return a document as version 1; `None` for an unknown form."""
    if not isinstance(document, Mapping):
        return None
    if "annotation_data" in document:
        meta = document.get("annotation_meta")
        if isinstance(meta, Mapping) and _is_version_1(meta):
            return dict(meta)
        inner = to_version_1(document["annotation_data"])
        if inner is not None and isinstance(meta, Mapping) and "extra" in meta:
            inner.setdefault("extra", meta["extra"])
        return inner
    if _is_version_1(document):
        return dict(document)
    if isinstance(document.get("annotations"), Mapping):
        return _from_importer(document)
    if any(isinstance(document.get(plural), list) for plural in _PLURALS):
        return _from_version_2(document)
    return None


def _is_version_1(document: Json) -> bool:
    places = document.get("annotations"), document.get("annotationsData")
    return all(isinstance(place, Mapping) for place in places)


def _from_importer(document: Json) -> dict[str, Any]:
    """Convert the form with the geometry inside of `annotations`, and media without numbers."""
    result = {**document, "annotations": {}, "annotationsData": {}}
    for name, entries in find_media(document, "annotations"):
        medium = name if name[-1:].isdigit() else f"{name}_1"
        for entry in entries:
            if not isinstance(entry, Mapping):
                continue
            tool = TOOL_ALIASES.get(str(entry.get("tool")), str(entry.get("tool")))
            _add_version_2(result, medium, tool, entry)
    return result


def _from_version_2(document: Json) -> dict[str, Any]:
    kept = {
        key: value for key, value in document.items() if key not in {*_PLURALS, "classification"}
    }
    result: dict[str, Any] = {**kept, "annotations": {}, "annotationsData": {}}
    for plural, kind in _PLURALS.items():
        media = document.get(plural)
        for number, tools in enumerate(media if isinstance(media, list) else (), 1):
            medium = f"{kind}_{number}"
            result["annotations"][medium], result["annotationsData"][medium] = [], []
            for tool, entries in tools.items() if isinstance(tools, Mapping) else ():
                for entry in entries if isinstance(entries, list) else ():
                    _add_version_2(result, medium, tool, entry)
    return result


def _add_version_2(result: dict[str, Any], medium: str, tool: str, item: Any) -> None:
    """Add an item of version 2 to a document of version 1."""
    if not isinstance(item, Mapping):
        item = {"data": item}
    rest = {
        key: value
        for key, value in item.items()
        if key not in {"classification", "attrs", "data", "group_id", "visibility", "tool"}
    }
    rest["id"] = item.get("id") or make_id()
    attributes = _read_attrs(item.get("attrs"))
    label = item.get("classification")
    classes = (
        dict(label) if isinstance(label, Mapping) else {} if label is None else {"class": label}
    )
    value = item.get("data")
    groups = (
        result.setdefault("annotationGroups", {}) if tool == "group" or item.get("group_id") else {}
    )
    if tool == "group":
        groups.setdefault(medium, []).append({"id": rest["id"], "annotationIds": value or []})
        return
    if tool == "relation":
        ends = dict(zip(("annotationId", "targetAnnotationId"), value or (), strict=False))
        entry = {**rest, "tool": tool, **ends, "classification": {**classes, **attributes} or None}
        result.setdefault("relations", {}).setdefault(medium, []).append(entry)
        return
    if tool == "keypoint" and _is_skeleton(value):
        _add_skeleton(result, medium, rest["id"], label, value, item.get("bounding_box"))
        return
    if tool == "keypoint" and item.get("visibility") in (0, 1, 2):
        attributes = {**attributes, "visibility": VISIBILITIES[item["visibility"]]}
    data = _read_geometry(tool, value, attributes)
    entry = {**rest, "tool": tool, "classification": {**classes, **attributes} or None}
    result["annotations"].setdefault(medium, []).append(entry)
    result["annotationsData"].setdefault(medium, []).append({"id": rest["id"], **data})
    if item.get("group_id"):
        members = groups.setdefault(medium, [])
        found = next((one for one in members if one["id"] == item["group_id"]), None)
        if found is None:
            members.append(found := {"id": item["group_id"], "annotationIds": []})
        found["annotationIds"].append(rest["id"])


def _read_attrs(attributes: Any) -> dict[str, Any]:
    """Return attributes by name; names with an underscore are internal to converters."""
    pairs = [one for one in attributes or () if isinstance(one, Mapping) and "name" in one]
    return {one["name"]: one.get("value") for one in pairs if not str(one["name"]).startswith("_")}


def _is_skeleton(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], (list, tuple))


def _add_skeleton(
    result: dict[str, Any],
    medium: str,
    group: str,
    label: Any,
    joints: Any,
    box: Any,
) -> None:
    """Add joints that an importer put into one keypoint, as keypoints of one group."""
    ids: list[str] = []
    items: list[tuple[str, Any, Any]] = [("keypoint", joint[:2], joint[2:]) for joint in joints]
    if isinstance(box, (list, tuple)) and len(box) == 4:
        items.append(("bounding_box", box, ()))
    for tool, value, seen in items:
        part: dict[str, Any] = {"id": make_id(), "classification": label, "data": list(value)}
        if seen:
            part["visibility"] = seen[0]
        ids.append(part["id"])
        _add_version_2(result, medium, tool, part)
    groups = result.setdefault("annotationGroups", {}).setdefault(medium, [])
    groups.append({"id": group, "annotationIds": ids})


def _read_geometry(tool: str, value: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    """Convert the `data` of version 2 into the keys of version 1."""
    if tool == "bounding_box" and isinstance(value, list) and len(value) == 4:
        place = dict(zip(("x", "y", "width", "height"), value, strict=True))
        if "rotation" in attributes:
            place["rotation"] = attributes.pop("rotation")
        return {"coordinate": place}
    if tool in ("polygon", "polyline") and isinstance(value, list):
        points = [point for point in value if isinstance(point, (list, tuple)) and len(point) == 2]
        if len(points) == len(value):
            return {"coordinate": [{"x": x, "y": y, "id": make_id()} for x, y in points]}
    if tool == "keypoint" and isinstance(value, list) and len(value) >= 2:
        return {"coordinate": {"x": value[0], "y": value[1]}}
    if tool == "time_range" and isinstance(value, Mapping) and "section" not in value:
        section = {key: value[key] for key in ("start", "end") if key in value}
        others = {key: each for key, each in value.items() if key not in section}
        return {"section": section, **others}
    if tool == "3d_bounding_box" and isinstance(value, Mapping) and "psr" not in value:
        return {"psr": dict(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return {} if value is None else {"data": value}


def find_media(document: Json, place: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the media of a part of the document, `image_2` before `image_10`."""
    media = document.get(place)
    pairs = media.items() if isinstance(media, Mapping) else ()
    lists = [(name, entries) for name, entries in pairs if isinstance(entries, list)]
    yield from sorted(lists, key=lambda pair: natural_key(pair[0]))


def natural_key(medium: str) -> tuple[str, int]:
    """Return the key that sorts `image_2` before `image_10`."""
    kind, _, number = medium.rpartition("_")
    return (kind, int(number)) if number.isdecimal() else (medium, 0)
