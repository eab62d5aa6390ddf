"""One job on a cluster, from the release to the outcome, against a stand-in head."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from synapse.agent.tickets import Tickets
from synapse.clients.agent.ray import RayClient
from synapse.jobs.ray.job import RayJob
from synapse.jobs.spec import JobSpec, Limits, Outcome, OutputLine
from synapse.plugins.config_file import load_config
from synapse.plugins.log_markers import add_level
from synapse.plugins.process_control import END
from unit.jobs.local.conftest import Listener, configured, zipped

from .head import StandInHead

RAYS_LINE = "2026-11-28 10:00:00,123\tINFO job_manager.py:568 -- Runtime env is setting up."
ENTRYPOINT_LINE = "Running entrypoint for job job-1: python -c ... http://127.0.0.1:9/_orders/x/"


@pytest.fixture
def tickets() -> Tickets:
    return Tickets("http://127.0.0.1:9")


@pytest.fixture
def build_job(head: StandInHead, tickets: Tickets) -> Callable[..., RayJob]:
    """Builds a job with a client of the head."""

    def build(
        spec: JobSpec, listener: Any, *, url: str | None = None, patience: float = 5, **options: Any
    ) -> RayJob:
        base: dict[str, Any] = {"runtime_env": {}, "resources": {}}
        client = RayClient(url or head.dashboard.url)
        return RayJob(
            spec, listener, client, orders=tickets, patience=patience, **{**base, **options}
        )

    return build


@pytest.fixture
def run(build_job: Callable[..., RayJob]) -> Callable[..., Listener]:
    """Runs a job to its end, and returns its listener."""

    def run(spec: JobSpec, **options: Any) -> Listener:
        listener = Listener()
        build_job(spec, listener, **options).run()
        assert listener.has_ended.is_set()
        return listener

    return run


Run = Callable[..., Listener]

# What is submitted


def test_submission_has_a_ticket_instead_of_credentials(
    head: StandInHead, run: Run, spec: JobSpec
) -> None:
    assert run(spec).end() == Outcome("completed")

    assert head.submission is not None
    assert head.submission["submission_id"] == "job-1"
    assert "--order-url http://127.0.0.1:9/_orders/" in head.submission["entrypoint"]
    assert head.submission["metadata"].pop("synapse_submit")
    assert head.submission["metadata"] == {
        "synapse_release": "tried@1.0.0",
        "synapse_action": "train",
    }
    assert head.submission["runtime_env"]["working_dir"].startswith("gcs://_ray_pkg_")
    assert head.submission["runtime_env"]["env_vars"] == {
        "PYTHONUNBUFFERED": "1",
        "RAY_DEDUP_LOGS": "0",
    }
    assert "the-jobs-own-token" not in json.dumps(head.submission)
    assert "epochs" not in json.dumps(head.submission)


def test_ticket_is_for_the_spec_and_revoked_at_the_end(
    head: StandInHead, run: Run, spec: JobSpec, tickets: Tickets, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued: list[tuple[str, dict[str, Any]]] = []
    issue = tickets.issue

    def keep(order: dict[str, Any]) -> str:
        issued.append((issue(order), dict(order)))
        return issued[-1][0]

    monkeypatch.setattr(tickets, "issue", keep)

    run(spec)

    [(ticket, order)] = issued
    config = load_config(spec.release.archive)
    assert order == {**spec.for_driver(config, config.action()), "watch": False}
    assert tickets.take(ticket) is None


def test_environment_and_resources_of_the_cluster(
    head: StandInHead, run: Run, spec: JobSpec
) -> None:
    environment = {"pip": ["synapse-sdk"], "env_vars": {"A": "1", "RAY_DEDUP_LOGS": "1"}}
    content = zipped({"config.json": configured(install=True, requirements=["numpy"])})
    spec.release.archive.write_bytes(content)

    run(spec, runtime_env=environment, resources={"trainer": 1})

    assert head.submission is not None
    assert head.submission["entrypoint_resources"] == {"trainer": 1}
    assert head.submission["runtime_env"]["pip"] == ["synapse-sdk", "numpy"]
    assert head.submission["runtime_env"]["env_vars"] == {
        "PYTHONUNBUFFERED": "1",
        "RAY_DEDUP_LOGS": "1",
        "A": "1",
    }
    assert environment["pip"] == ["synapse-sdk"]


def test_configured_environment_and_resources(head: StandInHead, run: Run, spec: JobSpec) -> None:
    config = configured(
        env={"LEVEL": 3},
        resources={"cpu": 0.5, "gpu": 1, "memory": 1e6, "trainer": 2},
        requires={"cuda": ">=12"},
    )
    spec.release.archive.write_bytes(zipped({"config.json": config}))

    job = run(spec)

    assert head.submission is not None
    assert head.submission["runtime_env"]["env_vars"]["LEVEL"] == "3"
    names = ("entrypoint_num_cpus", "entrypoint_num_gpus", "entrypoint_memory")
    assert [head.submission[name] for name in names] == [0.5, 1, 1_000_000]
    assert head.submission["entrypoint_resources"] == {"trainer": 2}
    assert (job.lines[0].level, job.lines[0].message) == (
        "warning",
        "config.yaml requires CUDA >=12. This runner doesn't check CUDA.",
    )


def test_action_of_the_platforms_package(
    head: StandInHead, run: Run, spec: JobSpec, tickets: Tickets, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(
        actions={"train": {"entrypoint": "plugin.TrainAction"}},
        requires={"sdk": ">=2026.1", "python": "<3.14"},
    )
    files = {"config.json": config, "requirements.txt": "numpy\nsynapse-sdk  # newest\n"}
    spec.release.archive.write_bytes(zipped(files))
    issued: list[dict[str, Any]] = []
    monkeypatch.setattr(tickets, "issue", lambda order: issued.append(dict(order)) or "ticket")

    run(spec)

    assert head.submission is not None
    assert head.submission["runtime_env"]["pip"] == [
        "numpy",
        'synapse-sdk; python_version >= "3.12"',
        'synapse-sdk>=2026.1,<1!0; python_version >= "3.12"',
    ]
    [order] = issued
    assert order["requires_python"] == ">=3.12,<3.14"
    assert order["platform"] == {
        "SYNAPSE_ACTION_ENTRYPOINT": "plugin.TrainAction",
        "SYNAPSE_ACTION_PARAMS": '{"epochs": 3}',
        "SYNAPSE_JOB_ID": "job-1",
        "SYNAPSE_HOST": "http://127.0.0.1:9",
        "SYNAPSE_ACCESS_TOKEN": "the-jobs-own-token",
    }
    assert "the-jobs-own-token" not in json.dumps(head.submission)


# Ends


NODE_DIED = (
    "Job supervisor actor died because its node has died. Node Id: 0123. "
    "the actor's node was terminated unexpectedly: the node missed 5 heartbeats."
)
PIP = r"Failed to install: ERROR: No matching distribution found for nothing-like-it.\n more"


@pytest.mark.parametrize(
    ("status", "fields", "outcome"),
    [
        ("SUCCEEDED", {}, Outcome("completed")),
        ("STOPPED", {}, Outcome("stopped", "It was stopped on the Ray cluster.")),
        ("FAILED", {"driver_exit_code": 7}, Outcome("failed", "It ended with exit code 7.")),
        (
            "FAILED",
            {"driver_exit_code": 137},
            Outcome("failed", "It was killed by signal 9 (SIGKILL)."),
        ),
        ("FAILED", {"driver_exit_code": 200}, Outcome("failed", "It ended with exit code 200.")),
        (
            "FAILED",
            {
                "error_type": "JOB_SUPERVISOR_ACTOR_DIED",
                "message": NODE_DIED,
                "driver_node_id": "0123456789abcdef",
            },
            Outcome(
                "failed",
                "The Ray node that it ran on was lost (node 0123456789ab): "
                "the node missed 5 heartbeats.",
            ),
        ),
        (
            "FAILED",
            {"error_type": "JOB_SUPERVISOR_ACTOR_DIED", "message": "The actor died."},
            Outcome("failed", "Ray ended it: The actor died."),
        ),
        (
            "FAILED",
            {"error_type": "RUNTIME_ENV_SETUP_FAILURE", "message": PIP},
            Outcome(
                "failed",
                "The requirements could not be installed: "
                "No matching distribution found for nothing-like-it.",
            ),
        ),
        (
            "FAILED",
            {"error_type": "RUNTIME_ENV_SETUP_FAILURE", "message": "No\nspace.\n\nTraceback"},
            Outcome("failed", "Ray ended it: No space."),
        ),
        ("FAILED", {}, Outcome("failed", "Ray ended it: no reason given.")),
    ],
)
def test_state_of_the_cluster_decides_the_outcome(
    head: StandInHead,
    run: Run,
    spec: JobSpec,
    status: str,
    fields: dict[str, Any],
    outcome: Outcome,
) -> None:
    head.status, head.fields = status, fields

    assert run(spec).end() == outcome


@pytest.mark.parametrize(
    ("followed", "whole"), [("", ""), ("half", f"half\n{END}\n"), ("half", "")]
)
def test_success_whose_end_the_followed_log_lacks(
    head: StandInHead,
    run: Run,
    spec: JobSpec,
    monkeypatch: pytest.MonkeyPatch,
    followed: str,
    whole: str,
) -> None:
    head.logs, head.says_end = followed, False
    monkeypatch.setattr(RayClient, "get_job_logs", lambda *_: {"logs": whole})
    monkeypatch.setattr(RayClient, "tail_job_logs", lambda *_, **__: iter([followed]))

    assert run(spec).end() == Outcome("completed")


def test_success_of_code_that_ended_its_process_is_none(
    head: StandInHead, run: Run, spec: JobSpec
) -> None:
    head.logs, head.says_end = "99 %\n", False

    outcome = run(spec).end()

    assert outcome.status == "failed"
    assert "as os._exit(0) does" in str(outcome.reason)


def test_exception_in_the_output_is_the_reason(head: StandInHead, run: Run, spec: JobSpec) -> None:
    head.status, head.fields = "FAILED", {"driver_exit_code": 1}
    head.logs = add_level("Traceback (most recent call last):\n  ...\nKeyError: 'a'\n", "error")

    assert run(spec).end() == Outcome("failed", "The code raised KeyError: 'a'.")


def test_job_that_the_cluster_forgot(head: StandInHead, run: Run, spec: JobSpec) -> None:
    head.is_forgetful = True

    job = run(spec)

    assert job.end() == Outcome("failed", "The Ray cluster doesn't know it any more.")
    assert job.told == ["ended"]


def test_refused_submission(head: StandInHead, run: Run, spec: JobSpec) -> None:
    head.refusal = (400, "Unknown field in runtime_env.")

    job = run(spec)

    assert job.end() == Outcome("failed", "Ray doesn't take the job: Unknown field in runtime_env.")
    assert job.told == ["ended"]


def test_head_that_is_away(run: Run, spec: JobSpec, refusing_port: int) -> None:
    url = f"http://127.0.0.1:{refusing_port}"

    job = run(spec, url=url, patience=0)

    reason = f"The Ray head at {url} can't be reached: the connection was refused."
    assert job.end() == Outcome("failed", reason)
    assert job.told == ["ended"]


def test_unknown_action_names_the_known_ones(head: StandInHead, run: Run, spec: JobSpec) -> None:
    job = run(attrs.evolve(spec, action="dance"))

    assert job.end() == Outcome("failed", "The release has no action 'dance'; it has train.")
    assert head.requests == []


def test_unsafe_zip_never_reaches_ray(head: StandInHead, run: Run, spec: JobSpec) -> None:
    content = spec.release.archive.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
    # The second file's row in the list leads to the first file's bytes.
    at = content.rindex(infos[1].filename.encode()) - 4
    content = content[:at] + infos[0].header_offset.to_bytes(4, "little") + content[at + 4 :]
    spec.release.archive.write_bytes(content)

    outcome = run(spec).end()

    assert outcome.status == "failed"
    assert "overlap" in str(outcome.reason)
    assert head.requests == []


def test_release_that_is_not_a_zip(head: StandInHead, run: Run, spec: JobSpec) -> None:
    spec.release.archive.write_bytes(b"not a zip")

    outcome = run(spec).end()

    assert outcome.status == "failed"
    assert str(outcome.reason).startswith("The release can't be used: ")
    assert head.requests == []


# Requests to stop, and limits


def test_stop_while_it_runs(
    head: StandInHead, build_job: Callable[..., RayJob], spec: JobSpec
) -> None:
    class Stopping(Listener):
        def started(self) -> None:
            super().started()
            job.verdict.reach(Outcome("stopped", "It was stopped."))

    head.status, listener = "RUNNING", Stopping()
    job = build_job(spec, listener)

    job.run()

    assert listener.end() == Outcome("stopped", "It was stopped.")
    assert head.requests.count("POST /api/jobs/job-1/stop") == 1


def test_stop_before_the_submission(
    head: StandInHead, build_job: Callable[..., RayJob], spec: JobSpec
) -> None:
    listener = Listener()
    job = build_job(spec, listener)
    job.verdict.reach(Outcome("stopped", "It was stopped."))

    job.run()

    assert listener.end() == Outcome("stopped", "It was stopped.")
    assert head.requests == []


@pytest.mark.parametrize(
    ("limits", "logs", "reason"),
    [
        (Limits(timeout=0.2), "", "It ran for longer than 0.2 s."),
        (Limits(output=0.5), "x" * 999 + "\n", "It printed more than 0.5 MiB."),
    ],
    ids=["timeout", "output"],
)
def test_limit_stops_the_job(
    head: StandInHead, run: Run, spec: JobSpec, limits: Limits, logs: str, reason: str
) -> None:
    head.status, head.logs = "RUNNING", logs * 1000

    job = run(attrs.evolve(spec, limits=limits))

    assert job.end() == Outcome("failed", reason)
    assert "POST /api/jobs/job-1/stop" in head.requests
    assert sum(len(line) for line in job.messages) <= 2**19


# Output


def list_lines(lines: Sequence[OutputLine]) -> list[tuple[str, str | None]]:
    return [(line.message, line.level) for line in lines]


def test_lines_of_ray_are_for_debugging(head: StandInHead, run: Run, spec: JobSpec) -> None:
    lines = [RAYS_LINE, ENTRYPOINT_LINE, "mine", RAYS_LINE, add_level("careful", "warning")]
    head.logs = "\n".join(lines) + "\n"

    job = run(spec)

    assert job.told[0] == "started"
    assert list_lines(job.lines) == [
        (RAYS_LINE, "debug"),
        ("mine", None),
        (RAYS_LINE, "debug"),
        ("careful", "warning"),
    ]


def test_lines_of_ray_are_passed_on_from_a_job_that_never_started(
    head: StandInHead, run: Run, spec: JobSpec
) -> None:
    head.status, head.logs = "FAILED", RAYS_LINE + "\n"

    job = run(spec)

    assert job.told == ["printed", "ended"]
    assert list_lines(job.lines) == [(RAYS_LINE, "debug")]


def test_colours_of_a_workers_prefix_are_removed(
    head: StandInHead, run: Run, spec: JobSpec
) -> None:
    head.logs = "\x1b[36m(train pid=12, ip=10.0.0.1)\x1b[0m \x1b[31mred\x1b[0m\n"

    assert run(spec).messages == ["(train pid=12, ip=10.0.0.1) \x1b[31mred\x1b[0m"]


def test_reporter_that_fails_does_not_end_the_job(
    head: StandInHead, build_job: Callable[..., RayJob], spec: JobSpec
) -> None:
    class Failing(Listener):
        def started(self) -> None:
            super().started()
            raise OSError("full")

        def printed(self, lines: Sequence[OutputLine]) -> None:
            super().printed(lines)
            raise OSError("full")

    head.logs, listener = "one\n", Failing()

    build_job(spec, listener).run()

    assert listener.end() == Outcome("completed")
    assert listener.told == ["started", "printed", "ended"]
