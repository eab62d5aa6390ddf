"""The panels of the agent's figures."""

from __future__ import annotations

import os
import threading
from datetime import datetime, timezone
from typing import Any

import psutil
import pytest

from synapse.agent.metrics import PANELS, panel
from synapse.agent.store import Store
from synapse.jobs.spec import Outcome

from .conftest import add_job, make_lines


def read(name: str, store: Store) -> dict[str, Any]:
    values: dict[str, Any] = panel(name, store)["values"]
    return values


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("cpu", {"count", "percent", "load"}),
        ("memory", {"total", "available", "used", "percent", "swap_total", "swap_used"}),
        ("disk", {"total", "used", "free", "percent"}),
        ("network", {"bytes_sent", "bytes_received"}),
        ("jobs", {"queued", "running", "completed", "failed", "stopped", "unreported"}),
        ("process", {"pid", "memory", "threads", "started"}),
    ],
)
def test_panel_has_its_figures(store: Store, name: str, figures: set[str]) -> None:
    answer = panel(name, store)

    assert answer["panel"] == name
    assert set(answer["values"]) == figures
    assert name in PANELS


def test_unknown_panel(store: Store) -> None:
    with pytest.raises(KeyError, match="gpus"):
        panel("gpus", store)


def test_time_is_the_time_of_reading_in_utc(store: Store) -> None:
    before = datetime.now(timezone.utc)

    read_at = datetime.fromisoformat(panel("jobs", store)["time"])

    assert before <= read_at <= datetime.now(timezone.utc)


def test_percentages_are_between_0_and_100(store: Store) -> None:
    percentages = [read(name, store)["percent"] for name in ("cpu", "memory", "disk")]

    assert all(0 <= percentage <= 100 for percentage in percentages)


def test_cpu_has_the_load_of_three_periods(store: Store) -> None:
    values = read("cpu", store)

    assert values["count"] == (psutil.cpu_count() or 1)
    assert [type(load) for load in values["load"]] == [float] * 3


def test_memory_is_in_bytes(store: Store) -> None:
    assert read("memory", store)["total"] == psutil.virtual_memory().total


def test_disk_is_that_of_the_agents_folder(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    paths: list[str] = []
    disk_usage = psutil.disk_usage

    def record(path: str) -> Any:
        paths.append(path)
        return disk_usage(path)

    monkeypatch.setattr(psutil, "disk_usage", record)

    values = read("disk", store)

    assert paths == [str(store.folder)]
    assert values["total"] >= values["used"] + values["free"] > 0


def test_process_is_the_agents_own(store: Store) -> None:
    values = read("process", store)

    assert values["pid"] == os.getpid()
    assert values["threads"] >= threading.active_count()
    assert values["memory"] > 1 << 20
    assert datetime.fromisoformat(values["started"]) < datetime.now(timezone.utc)


def test_jobs_are_counted_by_state(store: Store) -> None:
    for number in range(5):
        add_job(store, f"j{number}")
    store.begin("j1")
    store.end("j2", Outcome("completed"))
    store.end("j3", Outcome("failed"))
    store.end("j4", Outcome("stopped"))
    store.append("j0", make_lines("not yet delivered"))

    assert read("jobs", store) == {
        "queued": 1,
        "running": 1,
        "completed": 1,
        "failed": 1,
        "stopped": 1,
        "unreported": 5,
    }


def test_delivered_jobs_are_not_unreported(store: Store) -> None:
    add_job(store, "j")
    store.begin("j")
    store.record_told("j", "running")

    assert read("jobs", store)["unreported"] == 0
