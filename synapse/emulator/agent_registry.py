"""The connected agents, and requests to them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from synapse.emulator.job_reporter import end_job
from synapse.emulator.models import Job, User

if TYPE_CHECKING:
    import requests

__all__ = ["ConnectedAgents"]

_TIMEOUT = (5, 30)
# Seconds between attempts. An agent does a repeated request once, so a request whose response was
# lost is sent again.
_PAUSES = (0.5, 1.0)
# Seconds for which the creator of a job waits until the agent has the job.
_HANDED_OVER = 2.0


@dataclass(frozen=True)
class _Place:
    url: str
    token: str


class ConnectedAgents:
    """Addresses and tokens of agents, in memory only, because tokens are.

    Agents send heartbeats, so the registry is complete soon after a restart of the server.
    """

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}

    def note(self, agent: User, token: str) -> bool:
        """Store an agent's address, or forget an agent without one.

        Returns:
            Whether the agent can be reached now, and couldn't before.
        """
        if not agent.url:
            self._places.pop(agent.pk, None)
            return False
        is_new = agent.pk not in self._places
        self._places[agent.pk] = _Place(agent.url.rstrip("/"), token)
        return is_new

    def forget(self, agent: User) -> None:
        """Forget an agent's address until the next heartbeat."""
        self._places.pop(agent.pk, None)

    def has_lost(self, job: Job) -> bool:
        """Return whether a job's agent says that it doesn't have the job (one request)."""
        place = self._places.get(job.agent_id or 0)
        if place is None:
            return False
        answer = _send("GET", place, f"jobs/{job.pk}/")
        # A proxy in front of an agent that is away may answer 404 too, in other words.
        return (
            not isinstance(answer, str)
            and answer.status_code == 404
            and f"no job {job.pk}" in answer.text
        )

    def has(self, agent: User) -> bool:
        """Return whether an agent can be reached."""
        return agent.is_active and agent.pk in self._places

    def submit(self, job: Job, token: str, *, patience: float = _HANDED_OVER) -> None:
        """Let a job's agent run the job, on a thread; otherwise the job fails with the reason.

        Waits a little, so that the job's creator can ask the agent about the job.

        Args:
            job: The job, with loaded release, plugin and tenant.
            token: The job's own token.
            patience: Seconds to wait.
        """
        if job.plugin_release is None or job.agent_id is None:  # the caller checked
            raise ValueError("only a release can be run by an agent")
        release = f"{job.plugin.code}@{job.plugin_release.version}"
        body = {
            "action": job.action,
            "params": job.params,
            "job_id": str(job.pk),
            "debug": job.debug,
        }
        on_behalf = {
            "SYNAPSE-User": f"Token {token}",
            "SYNAPSE-Tenant": f"Token {job.tenant.code}",
        }

        def fail(why: str) -> None:
            end_job(job.pk, Job.Status.FAILED, f"The agent could not be given the job: {why}.")

        path = f"plugin_releases/{release}/run/"
        self._ask_later(job.agent_id, path, body, on_behalf, otherwise=fail).join(patience)

    def stop(self, job: Job) -> None:
        """Request a job's end at its agent, on a thread; without an answer the job is stopped."""

        def stop(why: str) -> None:
            end_job(job.pk, Job.Status.STOPPED, f"It was stopped, but not by the agent: {why}.")

        self._ask_later(job.agent_id or 0, f"jobs/{job.pk}/stop/", {}, {}, otherwise=stop)

    def _ask_later(
        self,
        agent: int,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        *,
        otherwise: Callable[[str], None],
    ) -> threading.Thread:
        def ask() -> None:
            try:
                why = self._ask(agent, path, body, headers)
                if why is not None:
                    otherwise(why)
            finally:
                connection.close()

        name = f"synapse-agent-{uuid.uuid4().hex[:8]}"
        thread = threading.Thread(target=ask, name=name, daemon=True)
        thread.start()
        return thread

    def _ask(
        self, agent: int, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> str | None:
        """Send a request; return the failure, if any."""
        for pause in (*_PAUSES, None):
            place = self._places.get(agent)  # it may be somewhere else now
            if place is None:
                return "it is not connected"
            why, is_answer = _send_once(place, path, body, headers)
            if is_answer or pause is None:
                break
            time.sleep(pause)
        return why


def _send_once(
    place: _Place, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> tuple[str | None, bool]:
    """Send a request once; return the failure, and whether the agent reported one itself."""
    answer = _send("POST", place, path, json=dict(body), headers=headers)
    if isinstance(answer, str):
        return answer, False
    if 200 <= answer.status_code < 300:
        return None, True
    return f"{place.url} answered {answer.status_code}{_detail(answer.text)}", True


def _send(
    method: str,
    place: _Place,
    path: str,
    *,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
) -> requests.Response | str:
    """Send a request; return the response, or why there is none."""
    import requests

    try:
        with requests.Session() as http:
            http.trust_env = False  # no proxy and no `.netrc` is to see the tokens
            return http.request(
                method,
                f"{place.url}/{path}",
                json=json,
                headers={**(headers or {}), "Authorization": place.token},
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
    except requests.Timeout:
        return f"{place.url} did not answer in time"
    except (requests.RequestException, ValueError) as error:
        return f"{place.url} cannot be reached ({type(error).__name__})"


def _detail(text: str) -> str:
    said = " ".join(text.split())[:300].rstrip(".")
    return f": {said}" if said else ""
