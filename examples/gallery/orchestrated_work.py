"""The night's work as two plain functions, for any orchestrator: their arguments are text."""

import synapse


def sync(folder: str) -> dict[str, int]:
    """Bring the collection up to date. Safe to repeat: a retry creates nothing twice."""
    with synapse.connect() as session:
        collection = session.data_collections.get(name="Streets")
        project = session.projects.get(title="Streets")
        report = collection.sync(folder, project=project)
    if report.failed:  # the orchestrator tries again
        raise RuntimeError(f"{len(report.failed)} files failed; the first: {report.failed[0]}")
    return {"created": report.created, "unchanged": len(report.unchanged)}


def export(folder: str) -> int:
    """Write the annotated tasks as a COCO data set, and return the number of pictures."""
    with synapse.connect() as session:
        project = session.projects.get(title="Streets")
        completed = project.tasks.filter(status="completed")
        return project.export(folder, "coco", tasks=completed).samples


if __name__ == "__main__":
    print(sync("photos"))
    print(export("training"))
