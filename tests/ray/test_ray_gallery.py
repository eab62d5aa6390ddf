"""The gallery's script for a cluster, run as its page shows, on the run's head."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from head import RayHead

from synapse.emulator import Emulator

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "examples" / "gallery"


def test_page_shows_the_output(head: RayHead, tmp_path: Path) -> None:
    profile = Path(head.environment["XDG_CONFIG_HOME"], "synapse", "config.toml")
    printed = []
    with Emulator() as emulator:
        profile.parent.mkdir(parents=True, exist_ok=True)
        profile.touch(mode=0o600)
        profile.write_text(
            f'[default]\nbase_url = "{emulator.url}"\napi_token = "{emulator.api_token}"\n'
        )
        environment = {**head.environment, "RAY_ADDRESS": head.address}
        try:
            for script in ("sample_data.py", "ray_scores.py"):
                done = subprocess.run(
                    [sys.executable, str(GALLERY / script)],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=110,
                    check=False,
                )
                assert done.returncode == 0, done.stderr
                printed.append(f"$ python {script}\n{done.stdout}")
        finally:
            profile.unlink()

    page = (ROOT / "docs" / "gallery" / "ray.md").read_text(encoding="utf-8")
    assert "".join(printed) in page
