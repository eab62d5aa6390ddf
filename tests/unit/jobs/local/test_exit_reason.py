"""Sentences about the end of a process, from its exit code and its last lines."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from datetime import datetime, timezone

import pytest

from synapse.jobs.local.exit_reason import outcome_of
from synapse.jobs.spec import Outcome, OutputLine


def build_lines(*messages: str, level: str | None = "error") -> list[OutputLine]:
    """Return output lines, each with a level."""
    return [OutputLine(message, level, datetime.now(timezone.utc)) for message in messages]


def format_error(error: BaseException) -> list[OutputLine]:
    """Return the lines of a traceback, as Python prints it."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return build_lines(*text.splitlines())


def raise_and_catch(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """Return an error with its traceback, and optionally with the error that it replaced."""
    try:
        if cause is not None:
            try:
                raise cause
            except type(cause):
                raise error  # noqa: B904 # the chain is implicit, as in careless code
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1, "It ended with exit code 1."),
        (3, "It ended with exit code 3."),
        (255, "It ended with exit code 255."),
        (-9, "It was killed by signal 9 (SIGKILL)."),
        (-6, "It was killed by signal 6 (SIGABRT)."),
        (-200, "It was killed by signal 200 (unknown)."),
    ],
)
def test_exit_code_alone(code: int, reason: str) -> None:
    assert outcome_of(code, []) == Outcome("failed", reason)


def test_exit_code_zero_completes_the_job_whatever_was_printed() -> None:
    lines = format_error(raise_and_catch(ValueError("caught and printed")))

    assert outcome_of(0, lines) == Outcome("completed")


def test_exit_code_zero_of_code_that_was_not_done_fails_the_job() -> None:
    outcome = outcome_of(0, build_lines("99 %"), has_said_end=False)

    assert outcome.status == "failed"
    assert "as os._exit(0) does" in str(outcome.reason)
    assert outcome_of(7, [], has_said_end=False) == outcome_of(7, [])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("boom"), "The code raised ValueError: boom."),
        (ValueError("boom."), "The code raised ValueError: boom."),
        (KeyboardInterrupt(), "The code raised KeyboardInterrupt."),
        (ValueError("first\nsecond"), "The code raised ValueError: first."),
        (
            ModuleNotFoundError("No module named 'numpy'"),
            (
                "The code raised ModuleNotFoundError: No module named 'numpy'. Name its package "
                "under `requirements` in config.yaml, with `install: true`."
            ),
        ),
    ],
)
def test_exception(error: BaseException, reason: str) -> None:
    assert outcome_of(1, format_error(raise_and_catch(error))).reason == reason


def test_exception_counts_although_other_lines_follow() -> None:
    lines = format_error(raise_and_catch(ValueError("boom")))

    assert outcome_of(1, [*lines, *build_lines("cleaning up")]).reason == (
        "The code raised ValueError: boom."
    )


def test_last_of_several_exceptions_counts() -> None:
    chain = raise_and_catch(KeyError("second"), cause=ValueError("first"))

    assert outcome_of(1, format_error(chain)).reason == "The code raised KeyError: 'second'."


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups are new in 3.11")
def test_exception_group_is_named_and_not_its_parts() -> None:
    inner = ExceptionGroup("few", [TypeError("b")])  # noqa: F821 # Python 3.10 lacks it
    group = ExceptionGroup("many", [ValueError("a"), inner])  # noqa: F821

    assert outcome_of(1, format_error(raise_and_catch(group))).reason == (
        "The code raised ExceptionGroup: many (2 sub-exceptions)."
    )


@pytest.mark.parametrize(
    "lines",
    [
        build_lines("ValueError: only printed, without a traceback"),
        build_lines("Traceback (most recent call last):", '  File "a.py", line 1', "- no name -"),
    ],
)
def test_lines_without_an_exception_leave_the_exit_code(lines: Sequence[OutputLine]) -> None:
    assert outcome_of(1, lines).reason == "It ended with exit code 1."


@pytest.mark.parametrize("code", [3, 4])
def test_job_process_says_itself_why_it_cannot_run(code: int) -> None:
    lines = build_lines("Warning", "The action 'train' can't run: no module.")

    assert outcome_of(code, lines).reason == "The action 'train' can't run: no module."


@pytest.mark.parametrize(("code", "level"), [(3, None), (3, "warning"), (5, "error")])
def test_last_line_of_users_code_is_not_taken_for_the_reason(code: int, level: str | None) -> None:
    lines = build_lines("some last words", level=level)

    assert outcome_of(code, lines).reason == f"It ended with exit code {code}."


def test_endless_message_is_cut() -> None:
    reason = outcome_of(1, format_error(raise_and_catch(ValueError("x" * 1000)))).reason

    assert reason is not None
    assert reason.startswith("The code raised ValueError: xxx")
    assert len(reason) < 550


def test_reasons_in_full_length_stay_as_they_are() -> None:
    message = "x" * 500

    assert outcome_of(4, build_lines(message)).reason == message
    assert outcome_of(4, build_lines(message + "x")).reason == f"{message}..."
