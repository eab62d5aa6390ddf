"""One job, from the release to the outcome."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from synapse import plugins
from synapse._internal import log_events
from synapse.errors import SynapseError
from synapse.jobs.local.exit_reason import outcome_of
from synapse.jobs.local.interpreters import choose_interpreter
from synapse.jobs.local.output_splitter import Output
from synapse.jobs.local.process import StopRequest, run
from synapse.jobs.local.process_tree import MARK, ProcessTree
from synapse.jobs.local.protection import remove
from synapse.jobs.local.release_cache import Kept, ReleaseCache
from synapse.jobs.local.venvs import Step, installed, job_environment, make_thin
from synapse.jobs.protocols import Reporter
from synapse.jobs.spec import JobSpec, Outcome, OutputLine
from synapse.jobs.unmet_requests import find_unmet_requests
from synapse.plugins.config import PluginConfig
from synapse.plugins.log_markers import add_level
from synapse.plugins.packaging import load_config
from synapse.plugins.platform_form import (
    PLATFORM_PYTHON,
    platform_requirement,
    uses_platform_package,
)

__all__ = ["JobRun"]

_TAIL = 200

# The job's module by name, with the interpreter's own modules before the release's: a file
# `json.py` in the release must not replace the standard one. Only the starting process may know the
# path of the SDK.
_START = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; sys.path.append(sys.argv.pop(1)); "
    "from synapse.plugins.job_main import main; sys.exit(main())"
)
# The platform's package brings its own requirements, so only this import may see the SDK's place.
_START_PLATFORM = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; sys.path.append(sys.argv.pop(1)); "
    "from synapse.plugins.platform_main import main; sys.path.pop(); main()"
)


class JobRun:
    """A job that is waiting or running here.

    Args:
        order: The job spec.
        reporter: The reporter.

    Attributes:
        verdict: The stop request.
        tree: Processes of the running program, if any.
    """

    def __init__(self, order: JobSpec, reporter: Reporter) -> None:
        self.order = order
        self.reporter = reporter
        self.verdict = StopRequest(order.limits)
        self.tree: ProcessTree | None = None
        self._tail: deque[OutputLine] = deque(maxlen=_TAIL)

    def run(
        self,
        folder: Path,
        *,
        releases: ReleaseCache,
        python: str,
        platform_python: str | None = None,
        grace: float,
    ) -> None:
        """Run the job to the end, and report.

        Args:
            folder: Folder for this job alone, removed at the end.
            releases: Cache of the code.
            python: The interpreter.
            platform_python: The interpreter that is tried first for the platform's package.
            grace: Seconds between a stop request and the kill.
        """
        self._tell(self.reporter.started)
        self.verdict.start()
        output = Output(self.order.limits.output * 2**20, self._print)
        try:
            outcome = self._outcome(
                folder, output, releases, python, platform_python or python, grace
            )
        except SynapseError as error:  # a sentence for people
            outcome = Outcome("failed", " ".join(str(error).split()))
        except Exception as error:  # whatever it is, the job has to end, and to say why
            log_events.JOB_NOT_RUN.log(
                "Job %s could not be run.",
                self.order.job_id,
                exc_info=True,
                job_id=self.order.job_id,
                runner="local",
            )
            reason = f"{type(error).__name__}: {error}".rstrip(".")
            outcome = Outcome("failed", f"It could not be run: {reason}.")
        output.finish()
        output.flush()
        remove(folder)
        self.end(self.verdict.close() or outcome)

    def end(self, outcome: Outcome) -> None:
        """Report the outcome; called alone for a job that never ran."""
        self._tell(lambda: self.reporter.ended(outcome))

    def _outcome(
        self,
        folder: Path,
        output: Output,
        releases: ReleaseCache,
        python: str,
        platform_python: str,
        grace: float,
    ) -> Outcome:
        home, temporary, code = folder / "home", folder / "tmp", folder / "code"
        remove(folder)
        for made in (folder, home, temporary):
            made.mkdir(mode=0o700, parents=True)

        def step(
            command: Sequence[str], cwd: Path, variables: Mapping[str, str], order: bytes
        ) -> int | None:
            return self._step(command, cwd, variables, output, grace, order)

        with releases.lend(self.order.release) as kept:
            config = load_config(kept.code)
            action = config.action(self.order.action)
            is_platforms = uses_platform_package(config, action, kept.read)
            for sentence in find_unmet_requests(
                config, action, can_reserve=False, uses_platform_package=is_platforms
            ):
                output.feed(add_level(sentence, "warning").encode() + b"\n")
            interpreter: str | None = python
            if is_platforms:
                version, path = choose_interpreter(
                    [PLATFORM_PYTHON, config.requires.python],
                    reason=f"The action {action.name!r}",
                    preferred=platform_python,
                )
                note = f"The platform's package runs this action, on Python {version} ({path})."
                output.feed(add_level(note, "debug").encode() + b"\n")
                interpreter = self._install(kept, config, folder, str(path), step, output, True)
            elif config.install:
                interpreter = self._install(kept, config, folder, python, step, output, False)
            if interpreter is None:
                return Outcome("stopped")  # the stop request decides the outcome
            shutil.copytree(kept.code, code, symlinks=True)
            # Whatever the job installs, the next job and the server don't get it.
            parent, environment = interpreter, folder / "environment"
            interpreter = make_thin(parent, environment, job_environment(parent, home, temporary))
            variables = {
                **job_environment(interpreter, home, temporary, parent=parent),
                "VIRTUAL_ENV": str(environment),
                **config.env,
            }
            if is_platforms:
                command = [interpreter, "-c", _START_PLATFORM, str(_sdk())]
                sent = self.order.for_platform(action)
            else:
                command = [interpreter, "-c", _START, str(_sdk())]
                sent = self.order.for_driver(config, action)
            # The installed environment must stay while the job runs.
            exit_code = self._step(
                command, code, variables, output, grace, json.dumps(sent).encode() + b"\n"
            )
        self.verdict.close()
        if exit_code is None:
            return Outcome("stopped")  # the stop request decides the outcome
        return outcome_of(exit_code, self._printed(output), has_said_end=output.has_end)

    def _install(
        self,
        kept: Kept,
        config: PluginConfig,
        folder: Path,
        python: str,
        step: Step,
        output: Output,
        is_platforms: bool,
    ) -> str | None:
        while not kept.installing.acquire(timeout=0.1):  # another job of the release installs
            if self.verdict.check():
                return None
        try:
            place = folder / "install"
            shutil.copytree(kept.code, place, symlinks=True)
            return installed(
                kept.environments / ("platform" if is_platforms else "own"),
                config.requirements,
                python=python,
                folder=place,
                more_requirements=[platform_requirement(config)] if is_platforms else [],
                can_share=not is_platforms,
                environment=job_environment(python, folder / "home", folder / "tmp"),
                step=step,
                last_lines=lambda: self._printed(output),
            )
        finally:
            kept.installing.release()

    def _step(
        self,
        command: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        output: Output,
        grace: float,
        order: bytes = b"",
    ) -> int | None:
        """Run a program and return the exit code; None if the job has to end."""
        if self.verdict.check():
            return None
        try:
            code = run(
                command,
                folder=folder,
                environment={**variables, MARK: self.order.job_id},
                mark=self.order.job_id,
                output=output,
                verdict=self.verdict,
                grace=grace,
                order=order,
                started=self._has_started,
            )
        finally:
            self.tree = None
        return None if self.verdict.outcome is not None else code

    def _printed(self, output: Output) -> list[OutputLine]:
        output.flush()
        return list(self._tail)

    def _has_started(self, tree: ProcessTree) -> None:
        self.tree = tree

    def _print(self, lines: Sequence[OutputLine]) -> None:
        self._tail.extend(lines)
        self._tell(lambda: self.reporter.printed(lines))

    def _tell(self, say: Callable[[], None]) -> None:
        """Call the reporter, whose failure must end neither the job nor the engine."""
        try:
            say()
        except Exception:  # of the reporter: the job goes on
            log_events.JOB_REPORT_FAILED.log(
                "What job %s did could not be reported.",
                self.order.job_id,
                exc_info=True,
                job_id=self.order.job_id,
                runner="local",
            )


def _sdk() -> Path:
    """Return the folder from which this process imports the SDK."""
    return Path(plugins.__file__).parents[2]
