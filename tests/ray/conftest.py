"""One Ray head for the run, on loopback, and what is done with it.

`make test-ray` runs these tests; `make test` doesn't, as they need Ray.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse.clients.agent.ray import RayClient

sys.path.insert(0, str(Path(__file__).parent))

from head import HEAD_TOKEN, RayHead


@pytest.fixture(scope="session")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayHead]:
    """The head that the tests share; its workers look for profiles in `head.folder / "config"`."""
    made = RayHead(
        environment={
            "XDG_CONFIG_HOME": str(tmp_path_factory.getbasetemp() / "ray-config"),
            "XDG_STATE_HOME": str(tmp_path_factory.getbasetemp() / "ray-state"),
        }
    ).wait_until_up()
    yield made
    made.stop()


@pytest.fixture
def ray_client(head: RayHead) -> Iterator[RayClient]:
    """A client of the head."""
    with RayClient(head.url) as client:
        yield client


@pytest.fixture
def submitted(ray_client: RayClient) -> Callable[..., str]:
    """What submits Python code and gives the job's id."""

    def submit(code: str, **options: Any) -> str:
        import shlex

        answer = ray_client.submit_job(f"python -u -c {shlex.quote(code)}", **options)
        return str(answer["submission_id"])

    return submit


@pytest.fixture(scope="session")
def heads_to_lose() -> Iterator[Callable[[], RayHead]]:
    """What gives a head that wants `HEAD_TOKEN`: the one that is there, unless it was killed."""
    made: list[RayHead] = []

    def give() -> RayHead:
        if not made or not made[-1].is_up():
            environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": HEAD_TOKEN}
            made.append(RayHead(cpus=1, environment=environment))
            made[-1].wait_until_up(token=HEAD_TOKEN)
        return made[-1]

    yield give
    for one in made:
        one.kill()


@pytest.fixture
def head_to_lose(heads_to_lose: Callable[[], RayHead]) -> RayHead:
    """A head that wants `HEAD_TOKEN`, and that a test may kill."""
    return heads_to_lose()
