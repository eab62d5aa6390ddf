"""The context of running code, without a job."""

from __future__ import annotations

import copy
import json
import os
import pickle
from typing import Any

import pytest

import synapse
from synapse.errors import SynapseError, UsageError
from synapse.plugins import Context, context, local_context
from synapse.plugins.log_markers import split_level


def make(changed: Any = lambda: None) -> Context:
    def connect() -> Any:
        raise AssertionError("nothing here needs a session")

    return Context(
        job_id="j",
        plugin_code="digits",
        version="1.0.0",
        action="train",
        params={"epochs": 3},
        connect=connect,
        changed=changed,
    )


def test_without_a_job_the_error_says_what_to_write() -> None:
    with pytest.raises(SynapseError, match=r"with synapse\.plugins\.local_context\(params="):
        context()


def test_inside_a_local_context() -> None:
    with local_context({"epochs": 3}, action="train", plugin_code="digits") as local:
        assert context() is local
        context().progress(1, 2)
        context().progress(2, 2, category="test")
        context().metrics(loss=0.5)
        context().metrics("test", loss=0.6)
        context().result({"model": 1})
    with pytest.raises(SynapseError):
        context()

    assert (local.params["epochs"], local.action, local.plugin_code) == (3, "train", "digits")
    assert local.reports.progress == 75
    assert local.reports.metrics_record == {"loss": 0.5, "test": {"loss": 0.6}}
    assert local.reports.result == {"model": 1}


def test_local_contexts_nest() -> None:
    with local_context() as outer:
        with local_context() as inner:
            assert context() is inner
        assert context() is outer


def test_local_logging_is_printed_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    with local_context() as local:
        local.log("one")
        local.log("two", level="warning")
        with pytest.raises(UsageError, match="'loud' is not a level"):
            local.log("three", level="loud")

    assert local.printed == [("one", "info"), ("two", "warning")]
    assert capsys.readouterr().out == "one\ntwo\n"


def test_local_parameters_are_what_a_job_would_get() -> None:
    with local_context({"size": (1, 2)}) as local:
        assert local.params["size"] == [1, 2]
    with (
        pytest.raises(UsageError, match=r"params\.model is a object"),
        local_context({"model": object()}),
    ):
        pass


def test_a_local_context_has_no_job() -> None:
    with local_context() as local, pytest.raises(SynapseError, match="has no job"):
        _ = local.job


def test_the_session_of_a_local_context() -> None:
    with synapse.Session("http://127.0.0.1:9", "t") as given:
        with local_context(session=given) as local:
            assert local.session is given
        default = synapse.connect("http://127.0.0.1:9", "t")
        with local_context() as local:
            assert local.session is default
        default.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda params: params.update(epochs=4),
        lambda params: params.pop("epochs"),
        lambda params: params.setdefault("more", 1),
        lambda params: params.clear(),
        lambda params: params.__setitem__("epochs", 4),
        lambda params: params.__delitem__("epochs"),
        lambda params: params.__ior__({"epochs": 4}),
    ],
)
def test_parameters_cannot_be_changed(change: Any) -> None:
    made = make()
    with pytest.raises(TypeError, match=r"Change a copy: dict\(context\.params\)"):
        change(made.params)
    assert made.params == {"epochs": 3}


def test_parameters_are_written_and_pickled_as_others() -> None:
    params = make().params

    assert json.dumps(params) == '{"epochs": 3}'
    assert pickle.loads(pickle.dumps(params)) == copy.deepcopy(params) == {"epochs": 3}
    assert {**params, "more": 1} == {"epochs": 3, "more": 1}


def test_each_report_tells_the_sender() -> None:
    told: list[int] = []
    made = make(lambda: told.append(1))
    made.progress(1, 2)
    made.metrics(loss=1)
    made.metrics(category="a metric of this name")
    made.result(1)

    assert len(told) == 4
    assert made.reports.metrics_record == {"loss": 1, "category": "a metric of this name"}


def test_metrics_as_a_mapping() -> None:
    values: Any = {"loss": 1}
    with pytest.raises(UsageError, match=r"metrics\(\*\*values\)"):
        make().metrics(values)


def test_log_lines_carry_their_level(capsys: pytest.CaptureFixture[str]) -> None:
    make().log("one\ntwo", level="error")
    make().log(3)

    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert [split_level(line) for line in lines] == [
        ("one", "error"),
        ("two", "error"),
        ("3", "info"),
    ]


def test_another_process_does_not_report(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make()
    monkeypatch.setattr(os, "getpid", lambda: -1)

    with pytest.raises(SynapseError, match="the job's first process"):
        made.progress(1, 2)
    with pytest.raises(SynapseError, match="the job's first process"):
        made.metrics(x=1)
    with pytest.raises(SynapseError, match="the job's first process"):
        made.result(1)


def test_repr_has_no_parameters() -> None:
    assert repr(make()) == "<Context digits@1.0.0 'train', job j>"


def test_a_context_that_is_taken_for_the_parameters_says_so() -> None:
    job: Any = make()

    for call in (lambda: job["epochs"], lambda: job.get("epochs"), lambda: job.items()):
        with pytest.raises((TypeError, AttributeError), match=r"Read context\.params\.$"):
            call()
    for call in (lambda: list(job), lambda: "epochs" in job, lambda: dict(job)):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(AttributeError, match="has no 'metric'; did you mean 'metrics'"):
        _ = job.metric
    assert not hasattr(job, "_unknown")
