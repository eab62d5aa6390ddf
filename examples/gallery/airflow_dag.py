"""The night's work in Airflow: copy this file and orchestrated_work.py into the dags folder."""

import orchestrated_work as work
import pendulum
from airflow.sdk import dag, task


@dag(schedule="30 2 * * *", start_date=pendulum.datetime(2026, 1, 1), catchup=False)
def streets() -> None:
    """Sync, then export."""
    synced = task(retries=3)(work.sync)("/data/photos")
    synced >> task(work.export)("/data/training")


streets()
