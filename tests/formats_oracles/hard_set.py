"""A data set that breaks converters: a COCO file as other programs write it, with its pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

__all__ = ["SIZES", "make_hard_set"]

# Sizes as stored; the pictures are as large as their rows say.
SIZES = {
    "a.jpg": (64, 48),
    "sub dir/a.jpg": (100, 80),
    "Straße/größe 街.jpg": (64, 48),
    "empty.png": (8, 9),
    "turned.jpg": (60, 30),
}
_IDS = {
    "a.jpg": 12,
    "sub dir/a.jpg": 3,
    "Straße/größe 街.jpg": 441,
    "empty.png": 5,
    "turned.jpg": 6,
}
_ORIENTATION = 0x0112

# Ids with holes, in no order; one of no annotation; a name with an umlaut and a blank.
CATEGORIES: list[dict[str, Any]] = [
    {
        "id": 7,
        "name": "person",
        "supercategory": "animal",
        "keypoints": ["nose", "left_eye", "right_eye"],
        "skeleton": [[1, 2], [1, 3]],
    },
    {"id": 1, "name": "car", "supercategory": "vehicle"},
    {"id": 90, "name": "unused", "supercategory": "none"},
    {"id": 34, "name": "Fußgänger überweg", "supercategory": "road"},
]

# Counts down the columns: a ring of 3 x 3 pixels with a hole, and two parts with a bent border.
RING = {"size": [48, 64], "counts": [48 * 40 + 10, 3, 45, 1, 1, 1, 45, 3, 48 * 22 - 13]}
PARTS = {"size": [48, 64], "counts": [48 * 50 + 30, 6, 42, 9, 3 * 48 - 9, 4, 48 * 10 - 34]}
# One part with a corner inwards, in the picture that EXIF turns.
BENT = {"size": [30, 60], "counts": [160, 12, 18, 12, 26, 4, 26, 4, 1800 - 262]}


def _make_rows() -> list[dict[str, Any]]:
    """Return the annotations; those of a picture are scattered and don't overlap."""
    person = {
        "category_id": 7,
        "bbox": [10, 10, 40, 60],
        "keypoints": [30, 15.5, 2, 25, 12, 1, 0, 0, 0],
        "num_keypoints": 2,
    }
    rows: list[dict[str, Any]] = [
        # Fractions, and attributes.
        {
            "image_id": 12,
            "category_id": 1,
            "bbox": [7.125, 3.5, 20.25, 5.0625],
            "attributes": {"occluded": True, "note": "süß"},
        },
        {"image_id": 3, **person},
        # Smaller than a pixel.
        {"image_id": 12, "category_id": 34, "bbox": [60.3, 1.2, 0.25, 0.3]},
        # Two outlines of one object.
        {
            "image_id": 441,
            "category_id": 34,
            "bbox": [0, 0, 30, 20],
            "segmentation": [[0, 0, 10, 0, 10, 10], [20, 0, 30, 0, 30, 20]],
        },
        # A crowd with a hole, and a mask that isn't a crowd.
        {"image_id": 12, "category_id": 7, "bbox": [40, 10, 3, 3], "segmentation": RING},
        {"image_id": 12, "category_id": 1, "bbox": [50, 30, 5, 9], "segmentation": PARTS},
        # Turned by 30 degrees.
        {
            "image_id": 3,
            "category_id": 1,
            "bbox": [60, 30, 20, 10],
            "attributes": {"rotation": 30.0},
        },
        # An outline with fractions.
        {
            "image_id": 441,
            "category_id": 1,
            "bbox": [5.5, 25.25, 30.5, 20.5],
            "segmentation": [[5.5, 25.25, 36, 30, 30, 45.75]],
        },
        # In a picture that EXIF turns, in pixels as stored.
        {"image_id": 6, "category_id": 1, "bbox": [40, 2, 15, 6]},
        {"image_id": 6, "category_id": 34, "bbox": [5, 10, 4, 12], "segmentation": BENT},
    ]
    return [
        {
            "id": 100 - at,
            "iscrowd": int(row.get("segmentation") is RING),
            "area": row["bbox"][2] * row["bbox"][3],
            "segmentation": [],
            **row,
        }
        for at, row in enumerate(rows)
    ]


def make_hard_set(folder: Path) -> Path:
    """Write the pictures and the COCO file, and return the file."""
    for name, size in SIZES.items():
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        if name == "turned.jpg":
            exif[_ORIENTATION] = 6
        Image.new("RGB", size, (90, 120, 60)).save(path, exif=exif)
    images = [
        {"id": _IDS[name], "file_name": name, "width": width, "height": height}
        for name, (width, height) in SIZES.items()
    ]
    document = {"images": images, "annotations": _make_rows(), "categories": CATEGORIES}
    target = folder / "annotations" / "instances_default.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(document), encoding="utf-8")
    return target
