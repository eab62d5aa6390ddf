"""The night's work in Prefect."""

import orchestrated_work as work
from prefect import flow, task


@flow(log_prints=True)
def streets(photos: str = "photos", training: str = "training") -> int:
    """Sync, then export, and return the number of exported pictures."""
    print(task(retries=3, retry_delay_seconds=60)(work.sync)(photos))
    return task(work.export)(training)


if __name__ == "__main__":
    streets.serve(name="nightly", cron="30 2 * * *")
