"""A stand-in for a Ray head with one job, whose state and output a test decides."""

from __future__ import annotations

from typing import Any

from synapse.plugins.process_control import END
from unit.clients.agent.dashboard import Answer, Dashboard


class StandInHead:
    """A head that takes one job, and answers questions about the job.

    Attributes:
        dashboard: The server, which keeps the requests.
        status: State of the job.
        logs: Output of the job so far.
        fields: Further fields of the job.
        submission: The submitted job, if any.
        says_end: Whether the output of a job that succeeded ends as that of a real one.
        refusal: Response to a submission, instead of accepting the job.
    """

    def __init__(self, dashboard: Dashboard) -> None:
        self.dashboard = dashboard
        self.status = "SUCCEEDED"
        self.logs = ""
        self.says_end = True
        self.fields: dict[str, Any] = {}
        self.submission: dict[str, Any] | None = None
        self.refusal: Answer | None = None
        self.is_forgetful = False
        dashboard.answer = self._answer

    @property
    def requests(self) -> list[str]:
        """The requests so far, without those for the output."""
        return [
            f"{method} {path}" for method, path, _ in self.dashboard.asked if "/logs" not in path
        ]

    def _answer(self, method: str, path: str, body: Any) -> Answer:
        if path.startswith("/api/packages/"):
            return 200, ""  # the head has each package
        if path == "/api/jobs/":
            if self.refusal is not None:
                return self.refusal
            self.submission = body
            return 200, {"job_id": body["submission_id"], "submission_id": body["submission_id"]}
        if path.endswith("/logs/tail"):
            return 404, "no WebSockets here, so the client polls"
        if self.submission is None or self.is_forgetful:
            return 404, "The job does not exist"
        if path.endswith("/logs"):
            end = f"{END}\n" if self.says_end and self.status == "SUCCEEDED" else ""
            return 200, {"logs": self.logs + end}
        if path.endswith("/stop"):
            self.status = "STOPPED"
            return 200, {"stopped": True}
        return 200, {"status": self.status, "metadata": self.submission["metadata"], **self.fields}
