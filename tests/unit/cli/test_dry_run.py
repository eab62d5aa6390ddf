"""Which commands have `--dry-run`, and how the first writing request ends one."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from synapse.cli import dry_run
from synapse.cli.dry_run import can_write, preview_each, preview_method
from synapse.cli.ids import Target
from synapse.errors import AuthenticationError, UsageError
from synapse.orm import registry
from synapse.transport.options import Event


class Owner:
    def _label(self) -> str:
        return "Job 5"

    def stop(self, **options: Any) -> None:
        if "method" in options:
            dry_run._refuse_writing(Event(options["method"], "http://a:1/jobs/5/", "id", 1))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_first_writing_request_is_named(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    preview_method("Job.stop", Owner(), {"method": method, "progress": True, "other": None})
    assert capsys.readouterr().err == f"Would stop Job 5 (method='{method}', {method} /jobs/5/).\n"


def test_reading_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    preview_method("Job.stop", Owner(), {"method": "GET"})
    assert capsys.readouterr().err == "Would change nothing: stop Job 5.\n"


def test_what_is_not_known_to_read_writes() -> None:
    assert can_write("Job.stop")
    assert can_write("Anything.new")
    assert not can_write("Job.logs")


def test_each_object(capsys: pytest.CaptureFixture[str]) -> None:
    schema = registry.get("Task").__schema__

    def check(one: object, target: Target) -> None:
        if one == "bad":
            raise UsageError(f"{target.key} is bad.")
        if one == "refused":
            raise AuthenticationError(401, "no")

    targets = [Target(1), Target(2), Target(3)]
    found = {1: "good", 2: "bad"}
    with pytest.raises(typer.Exit) as end:
        preview_each(schema, targets, "change", find=lambda _: found, check=check)
    assert end.value.exit_code == 3
    assert capsys.readouterr().err.splitlines() == [
        "Would change Task 1.",
        "Task 2: 2 is bad.",
        "Task 3: not found.",
        "2 failed, 1 done.",
    ]
    with pytest.raises(AuthenticationError):
        preview_each(schema, [Target(1)], "change", find=lambda _: {1: "refused"}, check=check)
