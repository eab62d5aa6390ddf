"""An action of the platform's package."""

import os
from typing import Any

from pydantic import BaseModel
from synapse_sdk.plugins.action import BaseAction


class CountParams(BaseModel):
    """The typed parameters."""

    project: int
    fail: bool = False


class CountAction(BaseAction[CountParams]):
    """Count the tasks of a project."""

    action_name = "count"
    params_model = CountParams

    def execute(self) -> dict[str, Any]:
        """Log, list, report, and return a result."""
        self.ctx.log("message", {"content": os.environ["GREETING"]})
        params = {"project": self.params.project}
        rows, count = self.ctx.client.list_tasks(params=params, list_all=True)
        ids = [row["id"] for row in rows]
        self.set_progress(1, 2, "count")
        self.set_metrics({"tasks": count}, "count")
        if self.params.fail:
            raise RuntimeError("no fingers left")
        self.set_progress(2, 2, "count")
        print("done")
        return {"ids": ids}
