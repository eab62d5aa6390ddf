"""Pages in the shapes of Label Studio and CVAT, whose own libraries check the fields.

Their rows differ from those of the platform, so each library is compared with a plain loop over
the same pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

LABEL_STUDIO, CVAT = "/api/tasks/", "/api/tasks"
_TIMES = "2026-01-31T12:00:00.123456Z", "2026-02-01T08:30:00.654321Z"


def make_label_studio_row(number: int) -> dict[str, object]:
    """Make a task as Label Studio lists it, of about 900 bytes."""
    return {
        "id": number,
        "project": number % 7 + 1,
        "inner_id": number,
        "overlap": 1,
        "is_labeled": number % 3 == 2,
        "state": ("CREATED", "ANNOTATION_IN_PROGRESS", "COMPLETED")[number % 3],
        "data": {"image": f"/data/upload/{number}.jpg", "camera": f"front-{number % 4}"},
        "meta": {"sequence": number, "weather": "overcast"},
        "annotations_ids": str(number),
        "annotators": [{"user_id": number % 11 + 1}],
        "created_at": _TIMES[0],
        "updated_at": _TIMES[1],
        "total_annotations": 1,
        "total_predictions": 0,
        "cancelled_annotations": 0,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "reviewed": False,
        "storage_filename": f"evening/street/front-{number % 4}/{number:07}.jpg",
        "draft_exists": False,
        "ground_truth": False,
        "predictions_model_versions": "street-detector-2026-01",
        "annotations_results": json.dumps(
            [{"type": "rectanglelabels", "value": {"x": 1, "y": 10, "width": 100, "height": 80.5}}]
        ),
    }


def make_cvat_row(number: int) -> dict[str, object]:
    """Make a task as CVAT lists it, of about 1,100 bytes."""
    host = "http://127.0.0.1"
    return {
        "id": number,
        "url": f"{host}/api/tasks/{number}",
        "name": f"Task {number}",
        "project_id": number % 7 + 1,
        "mode": "annotation",
        "owner": {
            "id": 1,
            "url": f"{host}/api/users/1",
            "username": "one",
            "first_name": "",
            "last_name": "",
        },
        "assignee": None,
        "bug_tracker": "",
        "created_date": _TIMES[0],
        "updated_date": _TIMES[1],
        "overlap": 0,
        "segment_size": 100,
        "status": ("annotation", "validation", "completed")[number % 3],
        "data_chunk_size": 72,
        "data_compressed_chunk_type": "imageset",
        "data_original_chunk_type": "imageset",
        "guide_id": None,
        "size": 100,
        "image_quality": 70,
        "data": number,
        "dimension": "2d",
        "subset": "",
        "organization": None,
        "target_storage": None,
        "source_storage": None,
        "jobs": {
            "count": 1,
            "completed": 0,
            "validation": 0,
            "url": f"{host}/api/jobs?task_id={number}",
        },
        "labels": {"url": f"{host}/api/labels?task_id={number}"},
    }


def make_pages(count: int, size: int, host: str) -> Iterator[tuple[str, int, bytes]]:
    """Make every page in both shapes: path, number of the page, body."""
    pages = -(-count // size)
    for page in range(1, pages + 1):
        numbers = range((page - 1) * size + 1, min(page * size, count) + 1)
        following = f"{host}{CVAT}?page={page + 1}" if page < pages else None
        tasks = {
            "tasks": [make_label_studio_row(number) for number in numbers],
            "total": count,
            "total_annotations": count,
            "total_predictions": 0,
        }
        yield LABEL_STUDIO, page, json.dumps(tasks).encode()
        rows = {
            "count": count,
            "next": following,
            "previous": None,
            "results": [make_cvat_row(number) for number in numbers],
        }
        yield CVAT, page, json.dumps(rows).encode()
    # Label Studio's library asks for pages until one is empty.
    empty = {"tasks": [], "total": count, "total_annotations": count, "total_predictions": 0}
    yield LABEL_STUDIO, pages + 1, json.dumps(empty).encode()
