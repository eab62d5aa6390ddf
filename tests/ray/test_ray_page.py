"""The manual's page about Ray, run as it stands, with a head, a backend and an agent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from head import RayHead

from synapse.emulator import Emulator

ROOT = Path(__file__).parents[2]

RUN = """
import sys, types
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_documentation import run_page
module = types.ModuleType("page")
sys.modules["page"] = module
run_page(Path({page!r}), module)
print("The page has run.")
"""


def test_page(head: RayHead, tmp_path: Path) -> None:
    code = RUN.format(
        tests=str(ROOT / "tests" / "docs"), page=str(ROOT / "docs" / "howto" / "ray.md")
    )
    profile = Path(head.environment["XDG_CONFIG_HOME"], "synapse", "config.toml")
    with Emulator() as emulator:
        profile.parent.mkdir(parents=True, exist_ok=True)
        profile.touch(mode=0o600)
        profile.write_text(
            f'[default]\nbase_url = "{emulator.url}"\napi_token = "{emulator.api_token}"\n'
        )
        environment = {
            **head.environment,
            "RAY_API_SERVER_ADDRESS": head.url,
            "RAY_ADDRESS": head.address,
            "SYNAPSE_BASE_URL": emulator.url,
            "SYNAPSE_API_TOKEN": emulator.api_token,
            "SYNAPSE_AGENT_TOKEN": emulator.agent_token,
        }
        try:
            result = subprocess.run(
                [sys.executable, "-c", code],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=110,
                check=False,
            )
        finally:
            profile.unlink()

    assert "The page has run." in result.stdout, result.stdout + result.stderr
