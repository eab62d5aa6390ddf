"""From images to annotations and back, on a backend that runs on this machine.

Run it with `synapse demo`, or with `python examples/quickstart.py` from a checkout.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.datasets import load_digits

import synapse
from synapse.emulator import Emulator

console = Console()


def main() -> bool:
    """Tell the whole story.

    Returns:
        Whether everything that was read back is what was sent.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        console.print(f"A backend runs at {emulator.url}")
        images = write_images(Path(folder))
        with synapse.connect(emulator.url, emulator.api_token) as session:
            project = ingest(session, images, Path(folder))
            annotate(project)
            return check(session, project.id, images, started)


def write_images(folder: Path) -> dict[str, tuple[Path, int]]:
    """Write the handwritten digits that come with scikit-learn as PNG files.

    Returns:
        The path and the true label of each, by file name.
    """
    digits = load_digits()
    images = {}
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / f"digit-{number:04}.png"
        Image.fromarray((pixels * 255 / 16).astype("uint8")).save(path)
        images[path.name] = (path, int(label))
    console.print(f"{len(images)} images are written")
    return images


def ingest(
    session: synapse.Session, images: dict[str, tuple[Path, int]], folder: Path
) -> synapse.Project:
    """Upload the images as data units that know their label, with a task over each."""
    collection = session.data_collections.create(
        name="Handwritten digits",
        category=synapse.Category.IMAGE,
        file_specifications=[
            synapse.FileSpecification(name="image", file_type="image", is_primary=True)
        ],
    )
    project = session.projects.create(
        title="Read the digits", category=synapse.Category.IMAGE, data_collection=collection
    )
    records = (
        {"files": {"image": path}, "meta": {"name": name, "label": label}}
        for name, (path, label) in images.items()
    )
    # What is done is remembered, by default in your home folder; this folder is gone afterwards.
    report = collection.upload(records, project=project, journal=folder / "journal")
    console.print(f"Uploaded: {report}")
    return project


def annotate(project: synapse.Project) -> None:
    """Annotate every task with its image's true label."""
    tasks = project.tasks.expand("data_unit")
    for task in track(tasks, "Annotating", total=tasks.count(), console=console):
        label = task.data_unit.meta["label"]
        task.annotate({"annotations": [{"type": "classification", "label": str(label)}]})


def check(
    session: synapse.Session, project_id: int, images: dict[str, tuple[Path, int]], started: float
) -> bool:
    """Read everything back and compare it with what was sent."""
    project = session.projects.get(project_id, refresh=True)
    by_status: Counter[str] = Counter()
    by_label: Counter[str] = Counter()
    seen: set[str] = set()
    wrong = 0
    for task in project.tasks.expand("data_unit"):
        unit = task.data_unit
        name = unit.meta["name"]
        path, label = images[name]
        answer = task.data["annotations"][0]["label"] if task.data else None
        by_status[str(task.status)] += 1
        by_label[str(answer)] += 1
        same = answer == str(label) and unit.files["image"].size == path.stat().st_size
        wrong += name in seen or not same
        seen.add(name)
    wrong += len(images.keys() - seen)

    console.print(f"{project.title}: {len(seen)} tasks")
    table = Table()
    table.add_column("label")
    table.add_column("tasks", justify="right")
    for label_name, count in sorted(by_label.items()):
        table.add_row(label_name, str(count))
    console.print(table)
    statuses = ", ".join(f"{count} {status}" for status, count in by_status.items())
    console.print(f"Status: {statuses}")
    console.print(f"Time: {time.perf_counter() - started:.1f} s, requests: {session.request_count}")
    console.print(
        f"[red]{wrong} differ from what was sent" if wrong else "[green]All is as it was sent"
    )
    return wrong == 0


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
