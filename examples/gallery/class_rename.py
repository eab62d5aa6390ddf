"""Rename a class in all annotations: first say what would change, then change it."""

import sys

import attrs

import synapse
from synapse.annotations import Annotation


def main(old: str, new: str, *, write: bool) -> None:
    """Rename the class in every task of the project; a second run finds nothing left."""
    session = synapse.connect()
    project = session.projects.get(title="Streets")
    changed: dict[synapse.Task, list[Annotation]] = {}
    for task in project.tasks.filter(status="completed"):
        renamed = [
            attrs.evolve(each, label=new) if each.label == old else each
            for each in task.annotations
        ]
        if renamed != list(task.annotations):
            changed[task] = renamed
    print(f"{len(changed)} tasks have a {old}")
    if write:
        print(project.tasks.bulk_annotate(changed))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], write="--write" in sys.argv)
