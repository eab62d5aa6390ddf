"""The same script with `BackendClient`, and with objects. Both connections are one."""

from synapse_sdk.clients.backend import BackendClient

import synapse


def report_with_client(client: BackendClient) -> dict[str, int]:
    """Count the boxes of each class: rows are dicts, and a misspelt filter finds everything."""
    project = client.list_projects(params={"title": "Streets"})["results"][0]
    rows, _ = client.list_tasks(
        params={"project": project["id"], "status": "completed"}, list_all=True
    )
    counts: dict[str, int] = {}
    for row in rows:
        for boxes in row["data"]["annotations"].values():
            for box in boxes:
                label = box["classification"]["class"]
                counts[label] = counts.get(label, 0) + 1
    return counts


def report_with_objects(session: synapse.Session) -> dict[str, int]:
    """Do the same: names are checked, and annotations are objects."""
    counts: dict[str, int] = {}
    for task in session.projects.get(title="Streets").tasks.filter(status="completed"):
        for each in task.annotations:
            counts[str(each.label)] = counts.get(str(each.label), 0) + 1
    return counts


def main() -> None:
    """Move one function at a time: `client.session` has the objects of the same connection."""
    client = BackendClient()
    before = report_with_client(client)
    after = report_with_objects(client.session)
    print(before, after, before == after)


if __name__ == "__main__":
    main()
