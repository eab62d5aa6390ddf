"""A server of several processes has one state, whichever process answers."""

import threading

import pytest
from worker_processes import count_connections, find_workers, has_proc

from synapse.emulator import Emulator

from .client import Api, connect
from .running import SLEEP, console, ended, printed, started, until

pytestmark = pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc")


@pytest.fixture(scope="module")
def pooled():
    with Emulator(workers=2) as running:
        yield running


@pytest.fixture
def clients(pooled):
    """Twelve clients of one tenant or more, whose connections both workers have."""
    token, made = pooled.create_tenant().api_token, []
    while len(made) < 12 or not all(count_connections(pid, pooled) for pid in find_workers(pooled)):
        assert len(made) < 200
        made.append(connect(pooled, token))
        made[-1].get("users/me/")
    del made[:-12]
    yield made
    for client in made:
        client.http.close()


def test_requests_of_all_workers_count_for_a_fault(pooled, clients):
    with pooled.fault("503", after=5, count=3, method="GET", path="projects/") as fault:
        statuses = [client.get("projects/").status_code for client in clients]
        assert statuses == [200] * 5 + [503] * 3 + [200] * 4
        assert fault.served == 3


def test_a_fault_hits_as_many_requests_as_were_asked_for_at_once(pooled, clients):
    with pooled.fault("500", count=7, path="projects/") as fault:
        statuses = []

        def ask(client):
            statuses.extend(client.get("projects/").status_code for _ in range(5))

        threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (statuses.count(500), statuses.count(200)) == (7, 53)
        assert fault.served == 7


def test_a_fault_of_a_tenant_and_one_that_is_removed(pooled, clients):
    tenant = pooled.create_tenant()
    with connect(pooled, tenant.api_token).http as http:
        other = Api(pooled.url, dict(http.headers))
        with pooled.fault("500", count=100, tenant=tenant.tenant):
            assert other.get("projects/").status_code == 500
            assert {client.get("projects/").status_code for client in clients} == {200}
        assert other.get("projects/").status_code == 200


def test_a_behaviour_holds_for_all_workers_until_it_ends(pooled, clients):
    with pooled.behave(max_query=5):
        codes = {client.get("projects/", page_size=10).status_code for client in clients}
        assert codes == {520}
    codes = {client.get("projects/", page_size=10).status_code for client in clients}
    assert codes == {200}


def test_any_worker_stops_a_job_and_shows_its_lines(clients):
    job = started(clients[0], SLEEP)
    printed(clients[0], job, "up")
    assert all(until(client, job, "RUNNING") for client in clients)
    clients[-1].ok("PATCH", f"jobs/{job}/", {"status": "STOPPED"})
    assert ended(clients[0], job)["status"] == "STOPPED"


def test_a_failure_that_the_code_announces_counts_wherever_it_arrives(clients):
    job = started(
        clients[0],
        """
        from synapse.plugins import context
        def run():
            client = context().session.client
            client.update_job(context().job_id, {"status": "FAILED"})
            print("done")
        """,
    )
    assert ended(clients[0], job)["status"] == "FAILED"
    assert console(clients[0], job) == ["done"]


def test_an_agent_is_connected_for_all_workers(pooled, clients, agent):
    tenant = pooled.create_tenant()
    made = [connect(pooled, tenant.api_token) for _ in range(12)]
    robot = made[0].ok("POST", f"agents/{tenant.agent_token}/connect/", {"url": agent.url})
    statuses = {client.get(f"agents/{robot['id']}/").json()["status"] for client in made}
    assert statuses == {"connected"}
    for client in made:
        client.http.close()
