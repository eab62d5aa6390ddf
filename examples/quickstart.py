"""From images to annotations to a model, on a backend that runs on this machine.

Run it with `synapse demo`, or with `python examples/quickstart.py` from a checkout.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.datasets import load_digits

import synapse
from synapse.annotations import Label
from synapse.emulator import Emulator

console = Console()
PLUGIN = Path(__file__).parent / "plugins" / "digits"
# One image in this many stays without annotation, to test the model.
HELD_OUT = 5


def main() -> bool:
    """Upload, annotate, check, train and test.

    Returns:
        Whether the server's data equal the sent data, and the model reads unseen images.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        console.print(f"A backend runs at {emulator.url}")
        images = write_images(Path(folder))
        with synapse.connect(emulator.url, emulator.api_token) as session:
            project = ingest(session, images, Path(folder))
            annotate(project)
            is_complete = check(session, project.id, images)
            model = train(session, project)
            is_good = evaluate(model, images, Path(folder))
            console.print(
                f"Time: {time.perf_counter() - started:.1f} s, requests: {session.request_count}"
            )
            return is_complete and is_good


def write_images(folder: Path) -> dict[str, tuple[Path, int]]:
    """Write the handwritten digits that come with scikit-learn as PNG files.

    Returns:
        The path and the true label of each, by file name.
    """
    digits = load_digits()
    images: dict[str, tuple[Path, int]] = {}
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / f"digit-{number:04}.png"
        Image.fromarray((pixels * 255 / 16).astype("uint8")).save(path)
        images[path.name] = (path, int(label))
    console.print(f"{len(images)} images are written")
    return images


def ingest(
    session: synapse.Session, images: dict[str, tuple[Path, int]], folder: Path
) -> synapse.Project:
    """Upload the images as data units with their labels, and create a task for each."""
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
        {
            "files": {"image": path},
            "meta": {"name": name, "label": label, "is_held_out": number % HELD_OUT == 0},
        }
        for number, (name, (path, label)) in enumerate(images.items())
    )
    # The journal is in your home folder by default; this one goes with the temporary folder.
    report = collection.upload(records, project=project, journal=folder / "journal")
    console.print(f"Uploaded: {report}")
    return project


def annotate(project: synapse.Project) -> None:
    """Annotate each task with the true label, except the held-out ones."""
    tasks = project.tasks.expand("data_unit")
    for task in track(tasks, "Annotating", total=tasks.count(), console=console):
        meta = task.data_unit.meta
        if not meta["is_held_out"]:
            task.annotate([Label(label=str(meta["label"]))])


def check(session: synapse.Session, project_id: int, images: dict[str, tuple[Path, int]]) -> bool:
    """Read all tasks back and compare them with the sent data."""
    project = session.projects.get(project_id, refresh=True)
    by_status: Counter[str] = Counter()
    by_label: Counter[str] = Counter()
    seen: set[str] = set()
    wrong = 0
    for task in project.tasks.expand("data_unit"):
        unit = task.data_unit
        name = unit.meta["name"]
        path, label = images[name]
        annotated = task.annotations[0].label if task.data else None
        expected = None if unit.meta["is_held_out"] else str(label)
        by_status[str(task.status)] += 1
        by_label[annotated or "held out"] += 1
        is_same = annotated == expected and unit.files["image"].size == path.stat().st_size
        wrong += name in seen or not is_same
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
    console.print(
        f"[red]{wrong} differ from what was sent" if wrong else "[green]All is as it was sent"
    )
    return wrong == 0


def train(session: synapse.Session, project: synapse.Project) -> synapse.Model:
    """Release the plugin beside this file, run a training job, and follow the output."""
    plugin = session.plugins.create(name="Handwritten digits", code="digits")
    plugin.release("1.0.0", PLUGIN)
    job = plugin.run("train", params={"project": project.id})
    for line in job.follow():
        console.print(f"  job | {line}", highlight=False, markup=False)
    job.wait()
    console.print(f"The job {job.status}: {job.result}")
    return session.models.get(job.result["model"])


def evaluate(model: synapse.Model, images: dict[str, tuple[Path, int]], folder: Path) -> bool:
    """Download the model, and test it with the held-out images."""
    # Loading can run code: load only files that you trust.
    classifier = joblib.load(model.download(folder / "model.joblib"))
    held_out = list(images.values())[::HELD_OUT]
    pixels = [np.asarray(Image.open(path), dtype=float).ravel() / 16 for path, _ in held_out]
    predictions = classifier.predict(np.array(pixels))
    pairs = zip(predictions, held_out, strict=True)
    correct = sum(prediction == str(label) for prediction, (_, label) in pairs)
    accuracy = correct / len(held_out)
    is_good = accuracy > 0.95
    console.print(
        f"[{'green' if is_good else 'red'}]{model.name} reads {correct} of {len(held_out)} "
        f"images that nobody annotated: {accuracy:.1%}"
    )
    return bool(is_good)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
