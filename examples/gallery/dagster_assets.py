"""The night's work in Dagster: dagster dev -f dagster_assets.py."""

import dagster as dg
import orchestrated_work as work


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=3, delay=60))
def collection() -> dg.MaterializeResult:
    """The collection on the server, up to date with the folder."""
    return dg.MaterializeResult(metadata=work.sync("photos"))


@dg.asset(deps=[collection])
def training_set() -> dg.MaterializeResult:
    """The annotated pictures as a data set."""
    return dg.MaterializeResult(metadata={"pictures": work.export("training")})


nightly = dg.ScheduleDefinition(name="nightly", target="*", cron_schedule="30 2 * * *")
defs = dg.Definitions(assets=[collection, training_set], schedules=[nightly])
