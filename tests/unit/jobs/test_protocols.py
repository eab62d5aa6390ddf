"""The parts that runners share: the same calls, and the options that they are built from."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import attrs
import pytest

from synapse.agent.delivery import JobReporter
from synapse.agent.tickets import Tickets
from synapse.errors import SynapseError
from synapse.jobs.local.engine import Engine
from synapse.jobs.local.machine import ThisMachine
from synapse.jobs.protocols import (
    Machines,
    MachinesUnavailable,
    Reporter,
    Runner,
    RunnerOptions,
    TicketIssuer,
)
from synapse.jobs.ray.machines import RayMachines
from synapse.jobs.ray.runner import RayRunner

IMPLEMENTATIONS = [
    (Runner, Engine),
    (Runner, RayRunner),
    (Machines, ThisMachine),
    (Machines, RayMachines),
    (Reporter, JobReporter),
    (TicketIssuer, Tickets),
]


def list_methods(protocol: type) -> list[str]:
    return [
        name
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and not name.startswith("_")
    ]


METHODS = [
    (protocol, name, implementation)
    for protocol, implementation in IMPLEMENTATIONS
    for name in list_methods(protocol)
]


@pytest.mark.parametrize(
    ("protocol", "name", "implementation"),
    METHODS,
    ids=[f"{implementation.__name__}-{name}" for _, name, implementation in METHODS],
)
def test_implementation_takes_the_arguments_of_the_protocol(
    protocol: type, name: str, implementation: type
) -> None:
    expected = list(inspect.signature(getattr(protocol, name)).parameters.values())
    parameters = list(inspect.signature(getattr(implementation, name)).parameters.values())

    assert [parameter.name for parameter in parameters[: len(expected)]] == [
        parameter.name for parameter in expected
    ]
    further = parameters[len(expected) :]
    assert all(parameter.default is not inspect.Parameter.empty for parameter in further)


def test_every_protocol_has_methods() -> None:
    assert {protocol.__name__: len(list_methods(protocol)) for protocol, _ in IMPLEMENTATIONS} == {
        "Runner": 3,
        "Machines": 6,
        "Reporter": 3,
        "TicketIssuer": 3,
    }


def test_kinds_of_machines_differ() -> None:
    assert (ThisMachine.kind, RayMachines.kind) == ("local", "ray")


def test_unavailable_machines_are_an_error_of_the_package() -> None:
    assert issubclass(MachinesUnavailable, SynapseError)


def build_options(folder: Path, **options: Any) -> RunnerOptions:
    return RunnerOptions(
        folder=folder,
        node_id="node-1",
        workers=2,
        tickets=Tickets("http://127.0.0.1:9"),
        **options,
    )


def test_options_of_a_cluster_are_optional_and_fixed(tmp_path: Path) -> None:
    options = build_options(tmp_path)

    assert (options.address, options.cluster_token) == (None, None)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        options.workers = 3  # type: ignore[misc] # the rule under test


def test_printed_options_hide_the_token(tmp_path: Path) -> None:
    options = build_options(tmp_path, cluster_token="the-clusters-token")

    assert options.cluster_token == "the-clusters-token"
    assert "the-clusters-token" not in repr(options)
