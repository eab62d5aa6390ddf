"""Make the project of the other scripts: 24 pictures of cars and buses, half of them annotated."""

from pathlib import Path

from PIL import Image

import synapse
from synapse.annotations import Box

folder = Path("photos")
folder.mkdir(exist_ok=True)
for number in range(24):
    label = "bus" if number % 2 else "car"
    colour = (200 - 4 * number, 60, 40) if label == "bus" else (40, 60, 200 - 3 * number)
    Image.new("RGB", (64, 48), colour).save(folder / f"{number:02}-{label}.png")

session = synapse.connect()
collection = session.data_collections.create(
    name="Streets",
    category="image",
    file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
)
project = session.projects.create(
    title="Streets",
    category="image",
    data_collection=collection,
    configuration={"classification": {"bounding_box": ["car", "bus"]}},
)
report = collection.sync(folder, project=project)
for task in project.tasks.order_by("id")[:12]:
    label = Path(str(task.files["image"].path)).stem[3:]
    task.annotate([Box(8, 8, 48, 32, label=label)])
print(f"{report.created} units, {project.tasks.filter(status='completed').count()} annotated")
