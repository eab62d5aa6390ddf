"""Train a classifier on the annotated images of a project, and register it as a model."""

import json
from pathlib import Path

import joblib
import numpy as np
from PIL import Image
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from synapse.annotations import read_document
from synapse.plugins import Context


def run(context: Context) -> dict[str, object]:
    """Train on the annotated images, and return the model's id and accuracy."""
    project = context.session.projects.get(context.params["project"])
    images, labels = read(context, Path("data"))
    context.log(f"{project.title}: {len(images)} annotated images", level="info")

    # A part is held out, to measure the accuracy on unseen images.
    train, test, train_labels, test_labels = train_test_split(
        images, labels, test_size=0.2, random_state=0, stratify=labels
    )
    context.progress(0, 1, category="train")
    classifier = SVC(C=10, gamma=0.001).fit(train, train_labels)
    accuracy = float(classifier.score(test, test_labels))
    context.progress(1, 1, category="train")
    context.metrics(accuracy=accuracy, images=len(images))

    path = Path("digits.joblib")
    joblib.dump(classifier, path)
    model = context.session.models.create(
        name="Digits",
        project=project,
        plugin=context.job.plugin_id,
        version=context.version,
        metrics={"accuracy": accuracy},
        file=path,
        progress=False,
    )
    context.log(f"Model {model.id} reads {accuracy:.1%} of unseen digits", level="success")
    return {"model": model.id, "accuracy": accuracy}


def read(context: Context, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Download the project's images and annotations, and return pixels and labels."""
    project = context.session.projects.get(context.params["project"])
    report = project.download(
        folder,
        workers=context.params.get("workers", 4),
        progress=lambda done, total: context.progress(done, total, category="download"),
    )
    print(report)  # printed text becomes the job's output
    pixels: list[np.ndarray] = []
    labels: list[str] = []
    with (folder / "annotations.jsonl").open() as lines:
        for line in lines:
            task = json.loads(line)
            if task["status"] == "completed":
                with Image.open(folder / task["files"]["image"]) as image:
                    pixels.append(np.asarray(image, dtype=float).ravel() / 16)
                labels.append(str(read_document(task["data"])[0].label))
    return np.array(pixels), np.array(labels)
