"""Write the annotated pictures as a YOLO data set, split the same way every time."""

from pathlib import Path

import synapse


def main(folder: Path) -> None:
    """Export the completed tasks; a later call adds what is new."""
    session = synapse.connect()
    project = session.projects.get(title="Streets")
    report = project.export(
        folder,
        "yolo",
        tasks=project.tasks.filter(status="completed"),
        split={"train": 0.75, "val": 0.25},
        task="detect",
    )
    print(report)
    for split in ("train", "val"):
        print(split, len(list((folder / "images" / split).iterdir())))
    print((folder / "data.yaml").read_text())


if __name__ == "__main__":
    main(Path("training"))
