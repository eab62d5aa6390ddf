"""The agent's work: run requests, jobs of the backend's, restarts, the end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synapse.agent.delivery import Delivery
from synapse.agent.http_errors import Refusal
from synapse.agent.job_service import Caller, JobService
from synapse.agent.store import KeptJob, Store
from synapse.agent.tickets import Tickets
from synapse.jobs.protocols import Reporter
from synapse.jobs.spec import JobSpec, Limits, Outcome
from synapse.session import Session

from .conftest import add_job, find_job, make_zip, script_release

LIMITS = Limits(timeout=60)
CALLER = Caller(user_token="users-token", tenant="acme")


class IdleRunner:
    """A runner that accepts jobs and runs none, and the machines without a job."""

    kind = "idle"

    def __init__(self) -> None:
        self.orders: list[JobSpec] = []
        self.reporters: list[Reporter] = []
        self.stops: list[str] = []
        self.ends: list[str] = []
        self.is_closed = False

    def submit(self, order: JobSpec, reporter: Reporter) -> None:
        self.orders.append(order)
        self.reporters.append(reporter)

    def stop(self, job_id: str) -> bool:
        self.stops.append(job_id)
        return True

    def close(self) -> None:
        self.is_closed = True

    def end(self, job_id: str) -> None:
        self.ends.append(job_id)


@pytest.fixture
def runner() -> Any:
    return IdleRunner()


@pytest.fixture
def service(store: Store, session: Session, runner: Any) -> JobService:
    """The work of an agent that the backend knows as 5."""
    service = JobService(
        store=store,
        session=session,
        runner=runner,
        cluster=runner,
        reports=Delivery(store, session, stop=runner.stop),
        orders=Tickets("http://127.0.0.1:1"),
        limits=LIMITS,
    )
    service.agent_id = 5
    return service


def run(service: JobService, body: dict[str, Any], caller: Caller = CALLER) -> KeptJob:
    """Run the release p@1.0.0; return the job."""
    job = service.run("p@1.0.0", body, caller)
    assert isinstance(job, KeptJob)
    return job


class TestJobOfTheBackend:
    """A request with a job's id and rights."""

    def test_is_submitted_with_its_rights(
        self, store: Store, session: Session, service: JobService, runner: Any, server: Any
    ) -> None:
        script_release(server, make_zip())

        job = run(service, {"job_id": "j", "action": "go", "params": {"count": 2}, "debug": True})

        (order,) = runner.orders
        assert (job.id, job.status, job.action, job.debug) == ("j", "queued", "go", True)
        assert (order.job_id, order.action, order.params) == ("j", "go", {"count": 2})
        assert order.credentials == {"api_token": "users-token", "tenant": "acme"}
        assert order.base_url == session.transport.base_url
        assert (order.limits, order.debug) == (LIMITS, True)
        assert order.release.archive.read_bytes() == make_zip()
        runner.reporters[0].started()
        assert find_job(store, "j").status == "running"

    def test_second_request_is_the_same_job(
        self, service: JobService, runner: Any, server: Any
    ) -> None:
        script_release(server, make_zip())

        first = run(service, {"job_id": "j", "action": "go"})
        second = run(service, {"job_id": "j", "action": "halt"})

        assert first == second
        assert len(runner.orders) == 1

    def test_older_name_of_the_parameters(
        self, service: JobService, runner: Any, server: Any
    ) -> None:
        script_release(server, make_zip())

        run(service, {"job_id": "j", "action": "go", "parameters": {"count": 3}})

        assert runner.orders[0].params == {"count": 3}

    @pytest.mark.parametrize(
        ("body", "field", "problem"),
        [
            ({"action": "og"}, "action", "go"),
            ({}, "action", "go, halt"),
            ({"action": 3}, "action", "Not a valid string"),
            ({"action": "go", "params": {"count": "many"}}, "params", "integer"),
            ({"action": "go", "params": {"cuont": 3}}, "params", "count"),
            ({"action": "go", "params": [1]}, "params", "Give an object"),
        ],
    )
    def test_invalid_request_is_refused(
        self,
        store: Store,
        service: JobService,
        server: Any,
        body: dict[str, Any],
        field: str,
        problem: str,
    ) -> None:
        script_release(server, make_zip())

        with pytest.raises(Refusal) as caught:
            run(service, {"job_id": "j", **body})

        assert caught.value.status == 400
        assert problem in str(caught.value.body[field])
        assert store.count() == 0

    @pytest.mark.parametrize("job_id", ["", "a/b", "a b", "a\n", "x" * 101, 7])
    def test_malformed_id_is_refused_without_a_request(
        self, service: JobService, job_id: Any
    ) -> None:
        with pytest.raises(Refusal) as caught:
            run(service, {"job_id": job_id, "action": "go"})

        assert list(caught.value.body) == ["job_id"]


class TestJobThatTheBackendCreates:
    """A request without rights of a job's own: the backend creates the job."""

    def test_caller_is_passed_on(
        self, service: JobService, store: Store, server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script_release(server, make_zip())
        server.reply(200, {"job_id": "j"})
        find_stored = store.job

        def find(job_id: str) -> KeptJob | None:
            if server.last.method == "POST":
                add_job(store, job_id)  # as the backend's own request does meanwhile
            return find_stored(job_id)

        monkeypatch.setattr(store, "job", find)

        job = run(service, {"action": "go", "params": {"count": 2}})

        wish = json.loads(server.last.body)
        assert server.last.target == "/plugins/p/run/"
        assert server.last.headers["synapse-access-token"] == "Token users-token"
        assert wish == {
            "action": "go",
            "params": {"count": 2},
            "agent": 5,
            "debug": False,
            "job_id": job.id,
            "version": "1.0.0",
        }

    def test_backends_refusal_is_the_response(self, service: JobService, server: Any) -> None:
        script_release(server, make_zip())
        server.reply(400, {"action": ["Not allowed."]})

        with pytest.raises(Refusal) as caught:
            run(service, {"action": "go"})

        assert (caught.value.status, caught.value.body) == (400, {"action": ["Not allowed."]})

    def test_agent_that_the_backend_does_not_know_yet(
        self, service: JobService, server: Any
    ) -> None:
        script_release(server, make_zip())
        service.agent_id = None

        with pytest.raises(Refusal, match="hasn't reached the backend yet") as caught:
            run(service, {"action": "go"})

        assert caught.value.status == 503

    def test_malformed_user_token(self, service: JobService, server: Any) -> None:
        script_release(server, make_zip())

        with pytest.raises(Refusal, match="SYNAPSE-User or SYNAPSE-Tenant") as caught:
            run(service, {"action": "go"}, Caller(user_token="é"))

        assert caught.value.status == 400


class TestJobs:
    def test_stop_asks_the_runner(self, store: Store, service: JobService, runner: Any) -> None:
        add_job(store, "j")

        assert service.stop("j").status == "queued"  # until the runner reports the end
        assert runner.stops == ["j"]

    def test_ended_job_is_not_stopped(self, store: Store, service: JobService, runner: Any) -> None:
        add_job(store, "j")
        store.end("j", Outcome("completed"))

        assert service.stop("j").status == "completed"
        assert runner.stops == []

    @pytest.mark.parametrize("method", ["job", "stop"])
    def test_unknown_job(self, service: JobService, method: str) -> None:
        with pytest.raises(Refusal, match="The agent has no job nope") as caught:
            getattr(service, method)("nope")

        assert caught.value.status == 404

    def test_jobs_of_an_earlier_process_fail(
        self, store: Store, service: JobService, runner: Any
    ) -> None:
        for job_id in ("queued", "running", "ended"):
            add_job(store, job_id)
        store.begin("running")
        store.end("ended", Outcome("completed"))

        service.fail_left_jobs()

        assert [(job.status, job.reason) for job in store.jobs()] == [
            ("failed", "The agent was restarted before the job ran."),
            ("failed", "The agent was restarted while the job ran."),
            ("completed", None),
        ]
        assert runner.ends == ["queued", "running"]

    def test_closed_service_takes_no_jobs(self, service: JobService, runner: Any) -> None:
        service.close()

        assert runner.is_closed
        with pytest.raises(Refusal, match="being stopped") as caught:
            run(service, {"job_id": "j", "action": "go"})
        assert caught.value.status == 503


def test_caller_shows_no_token() -> None:
    assert repr(CALLER) == "Caller(tenant='acme')"
