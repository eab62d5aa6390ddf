"""The exceptions: what they say, and that they survive a pickle."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import synapse.errors
from synapse import errors
from synapse._internal.installation import install_command
from synapse.errors import (
    BadRequest,
    BulkError,
    ClientError,
    ConnectionFailed,
    InvalidResponse,
    JobError,
    JobFailed,
    JobsFailed,
    JobStopped,
    JobTimeout,
    MissingExtra,
    NotFound,
    PluginConfigError,
    RateLimited,
    RequestTimeout,
    SynapseError,
    ValidationError,
)

EXCEPTIONS = [getattr(synapse.errors, name) for name in synapse.errors.__all__]


def make(cls: type[Exception]) -> Exception:
    """Make one with every attribute set that its class has."""
    if issubclass(cls, ClientError):
        error: Any = cls(
            418,
            "it is a teapot",
            fields={"title": ["This field is required."]},
            request_id="r-1",
            method="GET",
            url="http://host/projects/1/",
            hint="Use a kettle.",
            response={"title": ["This field is required."]},
            resource="Project 1",
        )
        if isinstance(error, RateLimited):
            error.retry_after = 2.5
        return error
    if cls is BulkError:
        cause = NotFound(404, "gone", request_id="r-2")
        return BulkError("half", created=[1, 2], errors={3: {"name": ["no"]}}, cause=cause)
    if cls is PluginConfigError:
        return PluginConfigError({"code": ["Missing."], "": ["No."]}, "config.yaml")
    if cls is JobsFailed:
        return JobsFailed("2 of 3 failed.", [make(JobFailed), make(JobStopped)])  # type: ignore[list-item]
    if issubclass(cls, JobError):
        ended: Exception = cls("It ended.", job_id="7", status="failed", lines=["one", "boom"])
        return ended
    if cls is MissingExtra:
        return MissingExtra("The emulator", "emulator")
    return cls("something went wrong")


def state(error: BaseException) -> dict[str, Any]:
    """Return everything about an exception that can be compared."""

    def comparable(value: Any) -> Any:
        if isinstance(value, list):
            return [comparable(one) for one in value]
        return state(value) if isinstance(value, BaseException) else value

    kept = {key: comparable(value) for key, value in vars(error).items()}
    message = getattr(error, "msg", None)  # of an ImportError
    return {"type": type(error), "args": error.args, "str": str(error), "msg": message, **kept}


def test_all_names_are_exported_and_complete() -> None:
    declared = {
        name
        for name, value in vars(synapse.errors).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }
    assert set(synapse.errors.__all__) == declared


@pytest.mark.parametrize("cls", EXCEPTIONS, ids=lambda cls: cls.__name__)
def test_all_but_warnings_are_synapse_errors(cls: type[Exception]) -> None:
    assert issubclass(cls, SynapseError) is not issubclass(cls, Warning)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("cls", EXCEPTIONS, ids=lambda cls: cls.__name__)
def test_pickle_keeps_every_attribute(cls: type[Exception], protocol: int) -> None:
    error = make(cls)
    again = pickle.loads(pickle.dumps(error, protocol))
    assert state(again) == state(error)


def test_pickle_keeps_what_a_subclass_adds() -> None:
    error = _Own("a", "b")
    again = pickle.loads(pickle.dumps(error))
    assert (again.args, again.left, again.right) == (("a and b",), "a", "b")


class _Own(SynapseError):
    """An error with a constructor that pickling of exceptions can't call."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right}")
        self.left, self.right = left, right


@pytest.mark.parametrize("cls", EXCEPTIONS, ids=lambda cls: cls.__name__)
def test_copy_keeps_every_attribute(cls: type[Exception]) -> None:
    error = make(cls)
    assert state(copy.copy(error)) == state(error)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (ValidationError, BadRequest),
        (BadRequest, ClientError),
        (ConnectionFailed, synapse.errors.ServerError),
        (InvalidResponse, synapse.errors.ServerError),
        (RateLimited, ClientError),
        (MissingExtra, ImportError),
        (synapse.errors.UsageError, ValueError),
        (synapse.errors.FieldMissing, AttributeError),
        (synapse.errors.FieldValueError, ValueError),
        (synapse.errors.LazyLoadWarning, UserWarning),
    ],
)
def test_kinds(narrow: type[Exception], wide: type[Exception]) -> None:
    assert issubclass(narrow, wide)


class TestClientError:
    def test_message_with_everything(self) -> None:
        assert str(make(NotFound)) == (
            "Project 1: it is a teapot (HTTP 418, GET http://host/projects/1/, request r-1). "
            "Use a kettle."
        )

    def test_message_with_nothing(self) -> None:
        assert str(ClientError(500)) == "the request failed (HTTP 500)"

    @pytest.mark.parametrize("cls", [ConnectionFailed, RequestTimeout])
    def test_message_names_no_status_without_a_response(self, cls: type[ClientError]) -> None:
        error = cls(503, "no route", method="GET", url="http://host/")
        assert str(error) == "no route (no response, GET http://host/)"

    def test_message_of_a_timeout_that_the_server_answered(self) -> None:
        error = RequestTimeout(408, "too slow")
        error.was_answered = True
        assert str(error) == "too slow (HTTP 408)"

    def test_url_is_left_out_without_a_method(self) -> None:
        assert str(ClientError(500, "x", url="http://host/")) == "x (HTTP 500)"

    def test_defaults(self) -> None:
        error = ClientError(500)
        assert (error.fields, error.detail, error.response, error.hint) == ({}, "", None, None)

    def test_status_is_status_code(self) -> None:
        assert ClientError(409).status == 409

    def test_fields_are_a_copy(self) -> None:
        given = {"title": ["no"]}
        error = ClientError(400, fields=given)
        given.clear()
        assert error.fields == {"title": ["no"]}


def test_rate_limited_knows_no_pause_by_itself() -> None:
    assert RateLimited(429).retry_after is None


def test_missing_extra_says_what_to_install() -> None:
    error = MissingExtra("The emulator", "emulator")
    assert "The emulator needs" in str(error)
    assert install_command("emulator") in str(error)
    assert error.extra == "emulator"


def test_bulk_error_has_empty_parts_by_default() -> None:
    error = BulkError("nothing")
    assert (error.created, error.errors, error.cause) == ([], {}, None)


def test_bulk_error_copies_what_was_created() -> None:
    made = [1]
    error = BulkError("half", created=made)
    made.append(2)
    assert error.created == [1]


def test_a_job_error_quotes_the_last_lines() -> None:
    error = make(JobFailed)
    assert str(error) == "It ended. Its last lines:\n    one\n    boom"
    assert str(JobStopped("It was stopped.", job_id="7", status="stopped")) == "It was stopped."
    assert issubclass(JobTimeout, TimeoutError)
    assert issubclass(JobsFailed, JobFailed)


@pytest.mark.parametrize(
    ("error", "is_transient", "may_have_been_processed"),
    [
        (errors.ClientError(400), False, False),
        (errors.NotFound(404), False, False),
        (errors.RequestTimeout(408), True, True),
        (errors.RateLimited(429), True, False),
        (errors.StreamLimitExceeded(429), False, False),
        (errors.ServerError(500), False, True),
        (errors.ServerError(501), False, True),
        (errors.ServerError(502), True, True),
        (errors.ServerError(503), True, True),
        (errors.ServerError(504), True, True),
        (errors.ConnectionFailed(503), True, True),
        (errors.InvalidResponse(200), True, True),
    ],
    ids=lambda value: repr(value) if isinstance(value, Exception) else None,
)
def test_two_questions_about_a_failure(
    error: errors.ClientError, is_transient: bool, may_have_been_processed: bool
) -> None:
    assert error.is_transient is is_transient
    assert error.may_have_been_processed is may_have_been_processed


def test_a_failure_that_certainly_did_nothing() -> None:
    refused = errors.ConnectionFailed(503)
    refused.was_sent = False
    put_off = errors.ServerError(503)
    put_off.retry_after = 2.0

    assert not refused.may_have_been_processed
    assert not put_off.may_have_been_processed
