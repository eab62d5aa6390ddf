"""Reports of a job: merged, and always sent to the last one."""

from __future__ import annotations

import os
import threading
import time
from datetime import date
from enum import Enum
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from synapse.errors import (
    BadRequest,
    ConnectionFailed,
    RateLimited,
    ServerError,
    SynapseError,
    UsageError,
)
from synapse.plugins.job_updates import JobUpdates, UpdateSender, to_json


class Backend:
    """Records the sent values, or fails as scripted."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, dict[str, Any]]] = []
        self.failures: list[SynapseError] = []
        self.calls = 0
        self.delay = 0.0

    def __call__(self, values: dict[str, Any], seconds: float) -> None:
        self.calls += 1
        time.sleep(self.delay)
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append((time.monotonic(), values))

    @property
    def values(self) -> list[dict[str, Any]]:
        return [values for _, values in self.taken]

    def merged(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for values in self.values:
            merged.update(values)
        return merged


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def reports() -> JobUpdates:
    return JobUpdates()


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_progress_is_the_mean_of_the_categories(reports: JobUpdates) -> None:
    reports.set_progress(1, 4, None)
    assert reports.progress == 25
    reports.set_progress(3, 4, "download")
    assert reports.progress == 50
    reports.set_progress(4, 4, None)

    assert reports.progress == 87.5
    assert reports.progress_record == {
        "default": {"done": 4, "total": 4, "percent": 100.0},
        "download": {"done": 3, "total": 4, "percent": 75.0},
    }


@pytest.mark.parametrize(
    ("done", "total", "percent"), [(0, 0, 100), (5, 4, 100), (0.5, 2, 25), (np.int64(1), 2, 50)]
)
def test_progress_at_its_edges(reports: JobUpdates, done: Any, total: Any, percent: float) -> None:
    reports.set_progress(done, total, "x")

    assert reports.progress == percent


@pytest.mark.parametrize(
    ("done", "total"), [(-1, 2), (1, -2), (float("nan"), 2), (1, float("inf")), ("1", 2), (None, 2)]
)
def test_a_progress_that_cannot_be_meant(reports: JobUpdates, done: Any, total: Any) -> None:
    with pytest.raises(UsageError, match="Pass a number, 0 or more"):
        reports.set_progress(done, total, None)
    assert not reports.has_unsent


def test_metrics_are_merged(reports: JobUpdates) -> None:
    reports.add_metrics(None, {"loss": 1.0, "epoch": 1})
    reports.add_metrics("test", {"accuracy": 0.5})
    reports.add_metrics(None, {"loss": 0.5})
    reports.add_metrics("test", {"f1": 0.6})

    assert reports.metrics_record == {
        "loss": 0.5,
        "epoch": 1,
        "test": {"accuracy": 0.5, "f1": 0.6},
    }


def test_a_category_replaces_a_metric_of_its_name(reports: JobUpdates) -> None:
    reports.add_metrics(None, {"test": 1})
    reports.add_metrics("test", {"f1": 0.6})

    assert reports.metrics_record == {"test": {"f1": 0.6}}


def test_a_bad_metric_leaves_the_others_alone(reports: JobUpdates) -> None:
    reports.add_metrics(None, {"loss": 1.0})
    with pytest.raises(UsageError, match=r"^model is a .*object"):
        reports.add_metrics(None, {"loss": 2.0, "model": object()})

    assert reports.metrics_record == {"loss": 1.0}


def test_a_result_of_nothing_is_a_result(reports: JobUpdates) -> None:
    assert (reports.has_result, reports.result) == (False, None)
    reports.set_result(None)
    assert (reports.has_result, reports.result, reports.take_unsent()) == (
        True,
        None,
        {"result": None},
    )


class Color(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": (1, 2), "b": {3}}, {"a": [1, 2], "b": [3]}),
        ({1: "x"}, {"1": "x"}),
        (np.float32(0.5), 0.5),
        (np.arange(3), [0, 1, 2]),
        ([float("nan"), float("inf"), 1.5], [None, None, 1.5]),
        (date(2024, 5, 6), "2024-05-06"),
        (Color.RED, "red"),
        (True, True),
    ],
)
def test_json(value: Any, expected: Any) -> None:
    assert to_json(value) == expected


def nested() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": [1, b"x"]}, "it.a.1 is a bytes"),
        (object(), "it is a object"),
        ({"m": Backend()}, r"it.m is a .*Backend"),
        ("\ud800", "not Unicode text"),
        (nested(), "nested too deeply"),
    ],
)
def test_what_json_cannot_hold(value: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        to_json(value, "it")


def test_the_newest_values_are_sent_and_not_too_often(
    reports: JobUpdates, backend: Backend
) -> None:
    sender = UpdateSender(reports, backend, period=0.2)
    for number in range(100):
        reports.set_progress(number, 100, None)
        sender.notify()
        time.sleep(0.005)
    reports.set_result("done")
    sender.close()

    times = [when for when, _ in backend.taken[:-1]]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(gap >= 0.19 for gap in gaps), gaps
    assert backend.merged()["progress"] == 99
    assert backend.merged()["result"] == "done"
    assert sender.refusal is None


def test_only_what_changed_is_sent(reports: JobUpdates, backend: Backend) -> None:
    sender = UpdateSender(reports, backend, period=0)
    reports.set_progress(1, 2, None)
    sender.notify()
    wait_for(lambda: backend.taken)
    reports.add_metrics(None, {"loss": 1})
    sender.close()
    sender.close()

    assert [sorted(values) for values in backend.values] == [
        ["progress", "progress_record"],
        ["metrics_record"],
    ]


def test_without_reports_nothing_is_sent(reports: JobUpdates, backend: Backend) -> None:
    UpdateSender(reports, backend).close()

    assert backend.calls == 0


@pytest.mark.parametrize(
    "failure",
    [ConnectionFailed(503, "refused"), ServerError(500, "no"), RateLimited(429, "later")],
    ids=lambda error: type(error).__name__,
)
def test_what_a_fault_swallows_is_sent_again_with_what_is_newer(
    reports: JobUpdates, backend: Backend, failure: SynapseError
) -> None:
    backend.failures = [failure]
    sender = UpdateSender(reports, backend, period=0)
    reports.set_progress(1, 4, None)
    reports.add_metrics(None, {"loss": 1})
    sender.notify()
    wait_for(lambda: backend.calls)
    reports.set_progress(2, 4, None)
    sender.close()

    assert backend.merged()["progress"] == 50
    assert backend.merged()["metrics_record"] == {"loss": 1}
    assert sender.refusal is None


def test_the_thread_alone_gets_over_a_fault(reports: JobUpdates, backend: Backend) -> None:
    backend.failures = [ServerError(502, "no"), ServerError(502, "no")]
    sender = UpdateSender(reports, backend, period=0)
    reports.set_progress(1, 4, None)
    sender.notify()

    wait_for(lambda: backend.taken)
    assert backend.calls == 3
    sender.close()


def test_a_backend_that_is_away_is_given_up_in_the_end(
    reports: JobUpdates, backend: Backend
) -> None:
    backend.failures = [ConnectionFailed(503, "away") for _ in range(1000)]
    sender = UpdateSender(reports, backend)
    reports.set_result(1)
    sender.close(patience=1.0)

    assert type(sender.refusal) is ConnectionFailed
    backend.failures = []
    sender.close()
    assert backend.values == [{"result": 1}]
    assert sender.refusal is None


def test_a_refusal_is_remembered_and_not_repeated(reports: JobUpdates, backend: Backend) -> None:
    backend.failures = [BadRequest(400, "too large")]
    sender = UpdateSender(reports, backend)
    reports.set_result(1)
    sender.close()

    refusal: object = sender.refusal
    assert isinstance(refusal, BadRequest)
    assert backend.calls == 1
    reports.set_progress(1, 1, None)
    sender.close()
    assert sender.refusal is None
    assert list(backend.merged()) == ["progress", "progress_record"]


def test_closing_waits_for_what_is_on_its_way(reports: JobUpdates, backend: Backend) -> None:
    backend.delay = 0.3
    sender = UpdateSender(reports, backend)
    reports.set_progress(1, 2, None)
    sender.notify()
    wait_for(lambda: backend.calls)
    reports.set_progress(2, 2, None)
    sender.close()

    assert [values["progress"] for values in backend.values] == [50, 100]


def test_many_threads_report(reports: JobUpdates, backend: Backend) -> None:
    sender = UpdateSender(reports, backend, period=0)

    def report(number: int) -> None:
        for done in range(51):
            reports.set_progress(done, 50, f"part {number}")
            reports.add_metrics(f"part {number}", {"done": done})
            sender.notify()

    threads = [threading.Thread(target=report, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sender.close()

    assert backend.merged()["progress"] == 100
    assert [part["done"] for part in backend.merged()["metrics_record"].values()] == [50] * 4


def test_a_forked_copy_sends_nothing(
    reports: JobUpdates, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = UpdateSender(reports, backend)
    reports.set_progress(1, 2, None)
    monkeypatch.setattr(os, "getpid", lambda: -1)

    sender.close()

    assert backend.calls == 0
