"""What pycocotools says of COCO files: boxes, masks, average precision."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

__all__ = ["find_precision", "load_coco", "read_boxes", "read_masks"]


def load_coco(path: Path) -> COCO:
    """Return the file as pycocotools reads it."""
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def read_boxes(coco: COCO) -> dict[str, list[tuple[Any, ...]]]:
    """Return class and box of each annotation, sorted, by picture."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for image in coco.imgs.values():
        rows = coco.imgToAnns[image["id"]]
        found[image["file_name"]] = sorted(
            (coco.cats[row["category_id"]]["name"], *row["bbox"]) for row in rows
        )
    return found


def read_masks(coco: COCO) -> dict[str, list[tuple[str, bytes]]]:
    """Return class and pixels of each annotation with an outline or mask, sorted, by picture."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for image in coco.imgs.values():
        rows = [row for row in coco.imgToAnns[image["id"]] if row.get("segmentation")]
        found[image["file_name"]] = sorted(
            (coco.cats[row["category_id"]]["name"], coco.annToMask(row).tobytes()) for row in rows
        )
    return found


def find_precision(expected: COCO, found: COCO, kind: str, *, shift: float = 0.0) -> float:
    """Return the average precision of a file's annotations as results for another file.

    Args:
        expected: The truth.
        found: The results, each with the score 1.
        kind: `bbox`, `segm` or `keypoints`.
        shift: Pixels by which the boxes are moved, to see that the measure falls.
    """
    truth = COCO()
    truth.dataset = json.loads(json.dumps(expected.dataset))
    rows = truth.dataset["annotations"]
    truth.dataset["annotations"] = [row for row in rows if _has(row, kind)]
    images = {image["file_name"]: image["id"] for image in expected.imgs.values()}
    classes = {each["name"]: each["id"] for each in expected.cats.values()}
    results = []
    for row in found.anns.values():
        # A crowd is no object to find.
        if _has(row, kind) and not row.get("iscrowd"):
            result = {
                "image_id": images[found.imgs[row["image_id"]]["file_name"]],
                "category_id": classes[found.cats[row["category_id"]]["name"]],
                "score": 1.0,
            }
            if kind == "bbox":
                result["bbox"] = [row["bbox"][0] + shift, *row["bbox"][1:]]
            elif kind == "segm":
                result["segmentation"] = found.annToRLE(row)
            else:
                result["keypoints"] = row["keypoints"]
            results.append(result)
    assert results, f"nothing to evaluate as {kind}"
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        measure = COCOeval(truth, truth.loadRes(results), kind)
        if kind == "keypoints":  # as many as the skeleton's joints; COCO's own are those of 17
            count = max(len(row["keypoints"]) // 3 for row in results)
            measure.params.kpt_oks_sigmas = np.full(count, 0.05)
        measure.evaluate()
        measure.accumulate()
        measure.summarize()
    return float(measure.stats[0])


def _has(row: dict[str, Any], kind: str) -> bool:
    if kind == "bbox":
        return True
    return bool(row.get("segmentation") if kind == "segm" else row.get("num_keypoints"))
