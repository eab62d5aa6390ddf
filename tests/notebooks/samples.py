"""The data and the cells of the notebook."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw

import synapse
from synapse.annotations import Annotation, Box, Keypoint, Mask, Polygon, Polyline, write_document

__all__ = ["CELLS", "EVIL", "add_samples"]

EVIL = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"

CELLS = [
    "import synapse\nsession = synapse.connect()\nproject = session.projects.get(1)",
    "project",
    "project.tasks.filter(status='completed')",
    "session.me\nsession",
    "project.tasks.order_by('id').show(6)",
    "project.tasks.order_by('id').first().show()",
    "project.tasks.order_by('id').head(5)",
    "project.summary()",
    "project.tasks.order_by('id').first().annotations",
    "session.jobs.first().follow()",
    "try:\n    session.projects.create(title='', category='"
    + EVIL.replace("'", "")
    + "')\nexcept synapse.ValidationError as error:\n    refused = error\nrefused",
]
"""The first cell shows nothing, each other one an object."""


def add_samples(session: synapse.Session, folder: Path) -> None:
    """Create a project with pictures and annotations; names and classes are hostile."""
    random_ = random.Random(5)
    add_job(session)
    collection = session.data_collections.create(
        name="Streets",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image_1", file_type="image")],
    )
    project = session.projects.create(
        title=f"Street scenes {EVIL}",
        category="image",
        data_collection=collection,
        configuration={"classification": {"bounding_box": ["car", "truck", "bus"]}},
    )
    for number in range(6):
        name = f"street {number}.jpg" if number else 'he said "<b>hi" \'.jpg'
        path = folder / name
        annotations = draw_street(path, random_)
        if number == 0:
            annotations.append(Box(380, 60, 300, 90, label=EVIL))
        file = session.data_files.upload(path)
        unit = collection.data_units.create(
            files={"image_1": {"checksum": file.checksum, "path": name}}
        )
        task = project.tasks.create(data_unit=unit)
        task.annotate(
            write_document(annotations, sizes={"image_1": (960, 640)}),
            "submit" if number % 3 else "save",
        )


def add_job(session: synapse.Session) -> None:
    """Add a job that has printed more than an output shows."""
    job = session.plugins.create(name="Detector").run("train")
    lines = [f"epoch {number}: loss 0.{number}" for number in range(30)]
    job.update(status="succeeded", console_logs=[*lines, EVIL * 20])


def draw_street(path: Path, random_: random.Random) -> list[Annotation]:
    """Draw a street with vehicles; return their annotations."""
    picture = Image.new("RGB", (960, 640), (151, 190, 232))
    pen = ImageDraw.Draw(picture)
    road = [(430, 320), (530, 320), (860, 640), (100, 640)]
    pen.rectangle((0, 320, 960, 640), fill=(98, 99, 102))
    pen.polygon(road, fill=(82, 92, 60))
    result: list[Annotation] = [
        Polygon(road, label="road"),
        Polyline([(0, 380), (300, 350), (600, 450)], label="kerb"),
        Mask([(y * 960 + 700, 140) for y in range(60, 150)], size=(960, 640), label="cloud"),
        Keypoint(200, 130, label="sun", visibility="visible"),
    ]
    for _ in range(4):
        width = random_.randint(70, 180)
        height = width * 3 // 5
        x, y = random_.randint(0, 960 - width), random_.randint(290, 620 - height)
        color = tuple(random_.randint(40, 230) for _ in range(3))
        pen.rectangle((x, y, x + width, y + height), fill=color)
        for wheel in (x + 10, x + width - 40):
            pen.ellipse((wheel, y + height - 15, wheel + 30, y + height + 15), fill=(20, 20, 20))
        label = random_.choice(["car", "truck", "bus"])
        result.append(Box(x, y, width, height, label=label))
    picture.save(path, quality=90)
    return result
