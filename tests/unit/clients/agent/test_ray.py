"""The client of a Ray cluster, where Ray isn't installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from synapse import errors
from synapse._internal.installation import install_command
from synapse.clients.agent.ray import RayClient


def test_ray_is_not_imported() -> None:
    script = (
        "import sys; sys.modules['ray'] = None\n"
        "from synapse.clients.agent.ray import RayClient\n"
        "import synapse.jobs.ray.runner\n"
        "import synapse.integrations.ray as bridge\n"
        "RayClient('http://127.0.0.1:1').close()\n"
        "from synapse.errors import MissingExtra\n"
        "upload = lambda: bridge.upload(None, 1, files={}, journals='x')\n"
        "for call in (lambda: bridge.read(None), upload):\n"
        "    try:\n        call()\n"
        "    except MissingExtra as error:\n        print(error)\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    assert result.stdout.count(install_command("ray")) == 2


@pytest.mark.parametrize("arguments", [{"base_url": ""}, {"base_url": "x"}, {"timeout": 0}])
def test_invalid_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(errors.ConfigurationError):
        RayClient(**{"base_url": "http://127.0.0.1:1", **arguments})  # type: ignore[arg-type]
