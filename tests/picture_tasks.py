"""Rows of tasks with annotated pictures."""

from __future__ import annotations

from typing import Any

from synapse.annotations import Box, write_document


def make_task(key: int) -> dict[str, Any]:
    """Return the row of a task with a picture and a box."""
    file = {"url": f"/media/{key}?X-Amz-Signature=5ecret", "path": f"{key}.png"}
    files = {"photo": {**file, "file_type": "image"}}
    box = Box(1, 2, 3, 4, label="car", medium="image_1")
    return {
        "id": key,
        "project": 1,
        "data": write_document([box], sizes={"image_1": (9, 9)}),
        "data_unit": {"id": key + 1, "meta": {"name": f"photo {key}.png"}, "files": files},
        "files": files,
    }
