"""Measure COCO files in and out: beside `json`, and in memory.

Usage, for one case: python data_sets.py json|sdk FOLDER
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measured import Median
from process_memory import read_memory

PICTURES = 10_000
BOXES = 100_000
SMALL, LARGE = 10_000, 1_000_000

Took = dict[str, float]


# Pictures between two annotations of a file that isn't sorted: no divisor of their number.
_STRIDE = 7919


def make_file(folder: Path, pictures: int, boxes: int, *, scattered: bool = False) -> Path:
    """Write a COCO file of boxes, those of a picture one after the other, or scattered."""
    folder.mkdir()
    number = random.Random(1)
    with (folder / "instances.json").open("w", encoding="utf-8") as file:
        rows = [
            {"id": at, "file_name": f"{at:07}.jpg", "width": 1920, "height": 1080}
            for at in range(pictures)
        ]
        file.write(f'{{"images": {json.dumps(rows)}, "annotations": [')
        for at in range(boxes):
            place = [round(number.uniform(1, 900), 2) for _ in range(4)]
            place[3] = round(place[3] / 8, 2)
            row = {
                "id": at,
                "image_id": at * _STRIDE % pictures if scattered else at * pictures // boxes,
                "category_id": number.choice([1, 7, 90]),
                "bbox": place,
                "area": place[2] * place[3],
                "segmentation": [],
                "iscrowd": 0,
            }
            file.write((", " if at else "") + json.dumps(row))
        categories = [{"id": at, "name": f"class {at}"} for at in (1, 7, 90)]
        file.write(f'], "categories": {json.dumps(categories)}}}')
    return folder


def run(case: str, folder: Path) -> Took:
    """Run a case in a process of its own."""
    took: Took = json.loads(subprocess.check_output([sys.executable, __file__, case, str(folder)]))
    return took


def measure(note: Callable[..., None], number: int) -> None:
    """Note the time beside `json`, and the memory of many annotations beside that of few."""
    with tempfile.TemporaryDirectory() as name:
        for kind in ("sorted", "scattered"):
            is_scattered = kind == "scattered"
            folder = make_file(Path(name) / kind, PICTURES, BOXES, scattered=is_scattered)
            pairs = [(run("sdk", folder), run("json", folder)) for _ in range(min(number, 3))]
            ratios = Median(ours["time"] / bare["time"] for ours, bare in pairs)
            note(f"COCO, {kind}, in and out / json", ratios, 1.5)
            peaks: list[float] = []
            for boxes in (SMALL, LARGE):
                place = Path(name) / f"{kind} {boxes}"
                make_file(place, boxes // 10, boxes, scattered=is_scattered)
                peaks.append(run("sdk", place)["peak"])
                shutil.rmtree(place)
            # The caches of the database are full from 100,000 boxes on; beyond, nothing grows.
            note(f"COCO, {kind}, 1,000,000 - 10,000 boxes, MiB", peaks[1] - peaks[0], 30.0)


def main(case: str, folder: Path) -> Took:
    """Read and write the folder's file, and return the processor time and the peak memory."""
    with tempfile.TemporaryDirectory() as target:
        if case == "sdk":
            from synapse import formats

            formats.choose_format(folder)  # loads the modules
        started = time.process_time()
        if case == "sdk":
            data, _ = formats.read(folder, "coco")
            report = formats.write(data, target, "coco", images="none")
            assert not report.skipped
        else:
            with (folder / "instances.json").open(encoding="utf-8") as file:
                document = json.load(file)
            with (Path(target) / "out.json").open("w", encoding="utf-8") as file:
                json.dump(document, file)
        took = time.process_time() - started
    return {"time": took, "peak": read_memory("VmHWM")}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
