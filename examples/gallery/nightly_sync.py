"""Bring a collection up to date with a folder, and say what changed. Cron runs this every night."""

import sys
from pathlib import Path

import synapse


def main(folder: Path) -> int:
    """Sync the folder, and return an exit code for cron."""
    session = synapse.connect()
    collection = session.data_collections.get(name="Streets")
    project = session.projects.get(title="Streets")
    report = collection.sync(
        folder,
        project=project,
        on_change="replace",  # a changed picture takes over the tasks of the old one
        annotations="review",  # and somebody looks at them again
        delete=True,  # pictures that are gone, unless somebody has begun to annotate them
    )
    for kind in ("new", "changed", "gone"):
        for entry in getattr(report, kind):
            print(f"{kind}: {entry.key}")
    print(f"{len(report.unchanged)} unchanged, {len(report.moved)} tasks to review")
    for failure in report.failed:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
