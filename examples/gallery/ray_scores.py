"""Score every task on a Ray cluster, and store the scores with few requests."""

from typing import Any

import ray

import synapse
from synapse.integrations.ray import read


def score(row: dict[str, Any]) -> dict[str, Any]:
    """Score one task in a worker, which uses its own environment to connect."""
    task = synapse.Task.objects.get(row["id"])
    size = len(task.files["image"].read())  # put your model here
    return {"id": row["id"], "score": size}


def main() -> None:
    """Read the query in the workers, score there, and save here."""
    session = synapse.connect()
    project = session.projects.get(title="Streets")
    rows = read(project.tasks.order_by("id").values("id")).map(score).take_all()
    for task in project.tasks.filter(id=[row["id"] for row in rows]):
        scores = {row["id"]: row["score"] for row in rows}
        task.meta["score"] = scores[task.id]
        task.save()
    print(len(rows), "tasks scored")


if __name__ == "__main__":
    ray.init(log_to_driver=False)
    main()
