"""One job on a Ray cluster, from the release to the outcome."""

from __future__ import annotations

import queue
import re
import shlex
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse._internal import log_events
from synapse.clients.agent.ray import RayClient
from synapse.errors import ClientError, NotFound, RequestTimeout, ServerError, SynapseError
from synapse.jobs.local.exit_reason import outcome_of
from synapse.jobs.local.output_splitter import Output
from synapse.jobs.local.process import StopRequest
from synapse.jobs.protocols import Reporter
from synapse.jobs.ray.requirements import adapt_requirements
from synapse.jobs.spec import JobSpec, Outcome, OutputLine
from synapse.jobs.unmet_requests import find_unmet_requests
from synapse.plugins.archive import list_safe_entries, open_zip, read_entry
from synapse.plugins.log_markers import add_level
from synapse.plugins.packaging import load_config
from synapse.plugins.platform_form import (
    mark_platform_requirements,
    platform_requirement,
    uses_platform_package,
)
from synapse.plugins.process_control import END
from synapse.transport.deadline_blocks import deadline
from synapse.transport.stream_limits import StreamLimits

if TYPE_CHECKING:
    from synapse.jobs.protocols import TicketIssuer
    from synapse.plugins.config import Action, PluginConfig

__all__ = ["RayJob"]


# The job's module by name, with the interpreter's own modules before the release's.
_START = (
    "import os, sys; sys.path[:] = [p for p in sys.path if p not in ('', os.getcwd())]; "
    "from synapse.plugins.job_main import main; sys.exit(main())"
)
_LARGEST_MODULE = 16 << 20
_TERMINAL = ("SUCCEEDED", "FAILED", "STOPPED")
_POLL = 1.0
_TICK = 0.1
_TAIL = 200
# Seconds for a stop to take effect; Ray doesn't stop a job that waits for resources.
_STOPPING = 20.0
_ASKING = 3.0
# Seconds after the job's end for the rest of the log; a lost node sends none.
_REST = 60.0
_REST_OF_LOST = 2.0
# The job's own limit bounds the log, and overlong lines are cut.
_UNBOUND = StreamLimits(
    max_messages=1 << 60, max_lines=1 << 60, max_bytes=1 << 60, max_message_bytes=64 << 20
)
_OWN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\t[A-Z]+ [\w.]+:\d+ -- ")
_ENTRYPOINT = "Running entrypoint for job "
_WORKER = re.compile(r"\x1b\[\d+m(\([^()]*pid=\d+[^()]*\))\x1b\[0m")
_LONGEST = 500
_OF_PIP = re.compile(r"ERROR: ((?:(?!\\n)[^\n])+)")
_NODE_DIED = "because its node has died"
_WHY_NODE_DIED = re.compile(r"the actor's node was terminated \w+: (.+)")


class RayJob:
    """A job that is waiting or running on a cluster.

    Args:
        order: The job spec.
        reporter: The reporter.
        client: A client for this job alone, closed at the end.
        orders: Issues the tickets for job specs.
        runtime_env: The runtime environment that Ray prepares.
        patience: Seconds for which an unresponsive head is asked again.
        resources: Resources of a node that Ray reserves for the process.

    Attributes:
        verdict: The stop request.
    """

    def __init__(
        self,
        order: JobSpec,
        reporter: Reporter,
        client: RayClient,
        *,
        orders: TicketIssuer,
        runtime_env: Mapping[str, Any],
        patience: float,
        resources: Mapping[str, float],
    ) -> None:
        self.order = order
        self.verdict = StopRequest(order.limits)
        self._reporter = reporter
        self._client = client
        self._orders = orders
        self._runtime_env = runtime_env
        self._patience = patience
        self._resources = resources
        self._printed: deque[OutputLine] = deque(maxlen=_TAIL)
        self._output = Output(order.limits.output * 2**20, self._print)
        self._lines: queue.Queue[str | None] = queue.Queue(10_000)
        self._early: list[str] = []
        self._has_started = False
        self._is_log_over = False
        self._is_over = threading.Event()

    def run(self) -> None:
        """Run the job to the end, and report."""
        try:
            outcome = self._outcome()
        except Exception as error:  # whatever it is, the job has to end, and to say why
            log_events.JOB_NOT_RUN.log(
                "Job %s could not be run on Ray.",
                self.order.job_id,
                exc_info=True,
                job_id=self.order.job_id,
                runner="ray",
            )
            outcome = Outcome("failed", f"It could not be run: {type(error).__name__}: {error}.")
        finally:
            self._client.close()  # which ends the thread that follows the log, too
        self._is_over.set()
        self._tell_early()
        self._output.finish()
        self._output.flush()
        ended = self.verdict.close() or outcome
        self._tell(lambda: self._reporter.ended(ended))

    # -- Running -----------------------------------------------------------------------------

    def _outcome(self) -> Outcome:
        order = self.order
        try:
            config = load_config(order.release.archive)
            action = config.actions.get(order.action)
            if action is None:
                names = ", ".join(config.actions) or "none"
                return Outcome(
                    "failed", f"The release has no action {order.action!r}; it has {names}."
                )
            is_platforms = _uses_platform_package(order.release.archive, config, action)
            requirements = (
                adapt_requirements(
                    config.requirements, order.release.archive, order.release.checksum
                )
                if config.install or is_platforms
                else []
            )
        except (SynapseError, OSError) as error:
            return Outcome("failed", f"The release can't be used: {error}")
        if is_platforms:
            requirements = mark_platform_requirements([*requirements, platform_requirement(config)])
        # Nobody holds the other end of standard input on a cluster, so the input isn't watched.
        spec = {**order.for_driver(config, action, is_platforms=is_platforms), "watch": False}
        ticket = self._orders.issue(spec)
        self._early += [
            add_level(sentence, "warning")
            for sentence in find_unmet_requests(
                config, action, can_reserve=True, uses_platform_package=is_platforms
            )
        ]
        try:
            submitted = self._persist(lambda: self._submit(ticket, requirements, config, action))
            if isinstance(submitted, Outcome):
                return submitted
            threading.Thread(
                target=self._follow, name=f"ray-log-{order.job_id}", daemon=True
            ).start()
            return self._watch()
        finally:
            self._orders.revoke(ticket)

    def _submit(
        self, ticket: str, requirements: Sequence[str], config: PluginConfig, action: Action
    ) -> None:
        environment = dict(self._runtime_env)
        environment["env_vars"] = {
            "PYTHONUNBUFFERED": "1",
            "RAY_DEDUP_LOGS": "0",  # each line as it was printed
            **environment.get("env_vars", {}),
            **config.env,
        }
        if requirements:
            environment["pip"] = [*environment.get("pip", ()), *requirements]
        memory = action.resources.memory
        command = ["python", "-c", _START, "--order-url", self._orders.url(ticket)]
        self._client.submit_job(
            shlex.join(command),
            submission_id=self.order.job_id,
            working_dir=self.order.release.archive,
            runtime_env=environment,
            entrypoint_num_cpus=action.resources.cpu,
            entrypoint_num_gpus=action.resources.gpu,
            entrypoint_memory=None if memory is None else int(memory),
            entrypoint_resources={**self._resources, **action.resources.others} or None,
            metadata={
                "synapse_release": f"{self.order.release.code}@{self.order.release.version}",
                "synapse_action": self.order.action,
            },
        )

    def _persist(self, act: Callable[[], None]) -> Outcome | None:
        """Do something for as long as the head may only be away for a moment."""
        until = time.monotonic() + self._patience
        while not self.verdict.check():
            try:
                act()
            except (ServerError, RequestTimeout) as error:  # noqa: PERF203
                if time.monotonic() >= until:
                    return self._fail_as_unreachable(error)
                self.verdict.wait(_POLL)
            except ClientError as error:
                return Outcome("failed", f"Ray doesn't take the job: {error.detail.rstrip('.')}.")
            else:
                return None
        return Outcome("stopped")  # the stop request decides the outcome

    def _watch(self) -> Outcome:
        """Pass the output on and watch the job's state until the end."""
        asked_at = failing = stopping = None
        look_at, has_seen_log_end = 0.0, False
        while True:
            is_log_over = self._pass_on(_TICK)
            now = time.monotonic()
            if self._output.is_full:
                self.verdict.fail(f"It printed more than {self.order.limits.output:g} MiB.")
            if self.verdict.check():
                stopping = stopping or now
                if asked_at is None or now - asked_at >= _ASKING:
                    asked_at = now
                    self._ask_to_stop()
                if now - stopping >= _STOPPING:
                    return Outcome(
                        "stopped"
                    )  # the stop request decides the outcome; the rest of the log is dropped
            # The end of the log is mostly the end of the job.
            if now < look_at and (has_seen_log_end or not is_log_over):
                continue
            has_seen_log_end = is_log_over
            look_at = now + _POLL
            try:
                with deadline(min(10.0, self._patience)):
                    job = self._client.get_job(self.order.job_id)
            except NotFound:
                return Outcome("failed", "The Ray cluster doesn't know it any more.")
            except ClientError as error:
                failing = failing or now
                if now - failing >= self._patience:
                    return self._fail_as_unreachable(error)
                time.sleep(_TICK)
                continue
            failing = None
            if job["status"] in ("RUNNING", "SUCCEEDED") or job.get("driver_exit_code") is not None:
                self._start()
            if job["status"] in _TERMINAL:
                self._finish_log(_REST_OF_LOST if _describe_lost_node(job) else _REST)
                return self._judge(job)

    def _ask_to_stop(self) -> None:
        try:
            with deadline(5.0):
                self._client.stop_job(self.order.job_id)
        except ClientError as error:
            log_events.JOB_NOT_STOPPED.log(
                "Job %s can't be stopped: %s",
                self.order.job_id,
                error,
                job_id=self.order.job_id,
                runner="ray",
                reason=error,
            )

    def _fail_as_unreachable(self, error: ClientError) -> Outcome:
        where, detail = self._client.base_url, error.detail.rstrip(".")
        return Outcome("failed", f"The Ray head at {where} can't be reached: {detail}.")

    def _judge(self, job: Mapping[str, Any]) -> Outcome:
        if job["status"] == "SUCCEEDED":
            return outcome_of(0, list(self._printed), has_said_end=self._has_said_end())
        if job["status"] == "STOPPED":
            return Outcome("stopped", "It was stopped on the Ray cluster.")
        code = job.get("driver_exit_code")
        if isinstance(code, int) and code != 0:
            # A shell reports a killed child like this.
            is_killed = code > 128 and code - 128 in [one.value for one in signal.Signals]
            return outcome_of(128 - code if is_killed else code, list(self._printed))
        if (lost := _describe_lost_node(job)) is not None:
            return Outcome("failed", lost)
        if failure := _describe_failed_installation(job):
            return Outcome("failed", failure)
        said = str(job.get("message") or job.get("error_type") or "no reason given").strip()
        reason = " ".join(said.split("\n\n")[0].split())[:_LONGEST]
        return Outcome("failed", f"Ray ended it: {reason.rstrip('.')}.")

    def _has_said_end(self) -> bool:
        """Return whether the process said that its code is done, or whether nobody knows.

        The followed log may lack its end, so the whole log decides: one request.
        """
        if self._output.has_end:
            return True
        try:
            with deadline(_REST):
                log = self._client.get_job_logs(self.order.job_id)["logs"]
        except ClientError:
            return True
        return not log.strip() or END in log

    # -- Output ------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Read the log on a thread of its own, whose waiting delays nothing else."""
        try:
            for line in self._client.tail_job_logs(
                self.order.job_id, limits=_UNBOUND, timeout=(5, 5), patience=self._patience
            ):
                self._put(line)
        except SynapseError as error:
            if not self._is_over.is_set():
                log_events.JOB_LOG_BROKEN.log(
                    "The log of job %s broke off: %s",
                    self.order.job_id,
                    error,
                    job_id=self.order.job_id,
                    runner="ray",
                    reason=error,
                )
        self._put(None)

    def _put(self, line: str | None) -> None:
        while not self._is_over.is_set():
            try:
                self._lines.put(line, timeout=_TICK)
            except queue.Full:
                continue
            return

    def _pass_on(self, seconds: float) -> bool:
        """Pass new output on, waiting a little; return whether the output is complete."""
        until = time.monotonic() + seconds
        if self._is_log_over:
            time.sleep(seconds)
        while not self._is_log_over and (left := until - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                self._is_log_over = True
                break
            self._take(line)
        self._output.flush(due=True)
        return self._is_log_over

    def _finish_log(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._output.is_full:
            if self._pass_on(_TICK):
                return

    def _take(self, line: str) -> None:
        if _OWN.match(line):
            if self._has_started:
                self._feed(add_level(line, "debug"))
            else:
                self._early.append(add_level(line, "debug"))
            return
        self._start()
        if not line.startswith(_ENTRYPOINT):  # that has the ticket's address, and isn't the job's
            self._feed(_WORKER.sub(r"\1", line))

    def _feed(self, line: str) -> None:
        self._output.feed(line.encode(errors="replace") + b"\n")

    def _tell_early(self) -> None:
        """Pass the messages on from before the job's code ran."""
        early, self._early = self._early, []
        for line in early:
            self._feed(line)

    def _start(self) -> None:
        if not self._has_started:
            self._has_started = True
            self.verdict.start()
            self._tell(self._reporter.started)
            self._tell_early()

    def _print(self, lines: Sequence[OutputLine]) -> None:
        self._printed.extend(lines)
        self._tell(lambda: self._reporter.printed(lines))

    def _tell(self, say: Callable[[], None]) -> None:
        try:
            say()
        except Exception:  # of the reporter: the job goes on
            log_events.JOB_REPORT_FAILED.log(
                "The reporter of job %s failed.",
                self.order.job_id,
                exc_info=True,
                job_id=self.order.job_id,
                runner="ray",
            )


def _uses_platform_package(archive: Path, config: PluginConfig, action: Action) -> bool:
    with open_zip(archive) as source:
        list_safe_entries(source)  # Ray's nodes unpack the zip without any check
        return uses_platform_package(
            config, action, lambda name: read_entry(source, name, _LARGEST_MODULE)
        )


def _describe_lost_node(job: Mapping[str, Any]) -> str | None:
    """Return a sentence about the lost node of a job; `None` if another cause ended the job.

    Ray's own message has that behind the names and numbers of its supervisor.
    """
    message = str(job.get("message") or "")
    if job.get("error_type") != "JOB_SUPERVISOR_ACTOR_DIED" or _NODE_DIED not in message:
        return None
    node = str(job.get("driver_node_id") or "unknown")
    said = _WHY_NODE_DIED.search(message)
    why = f": {said[1].strip().rstrip('.')[:_LONGEST]}" if said else ""
    return f"The Ray node that it ran on was lost (node {node[:12]}){why}."


def _describe_failed_installation(job: Mapping[str, Any]) -> str | None:
    """Return pip's message; `None` if nothing was installed, or nothing is known.

    Ray's own message has that at the end of several tracebacks.
    """
    if job.get("error_type") != "RUNTIME_ENV_SETUP_FAILURE":
        return None
    said = _OF_PIP.findall(str(job.get("message") or ""))
    if not said:
        return None
    return f"The requirements could not be installed: {said[-1].strip().rstrip('.')[:_LONGEST]}."
