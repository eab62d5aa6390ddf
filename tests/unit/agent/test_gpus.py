"""The GPUs of a machine, by a stand-in for the driver's program."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.agent.gpus import list_gpus, summarize_gpus

TWO = """\
0, NVIDIA L4, GPU-aa, 35, 1024, 23034
1, NVIDIA L4, GPU-bb, [N/A], 0, 23034
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that is searched for programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    program.chmod(0o755)


def test_two_gpus(driver: Path) -> None:
    install(driver, f'echo "{TWO.rstrip()}"\n')

    first, second = list_gpus()

    assert first == {
        "index": 0,
        "name": "NVIDIA L4",
        "uuid": "GPU-aa",
        "utilization_gpu": 35.0,
        "memory_used": 1024 << 20,
        "memory_total": 23034 << 20,
        "memory_used_ratio": pytest.approx(1024 / 23034),
    }
    assert (second["index"], second["utilization_gpu"]) == (1, None)
    assert summarize_gpus([first, second]) == {
        "total_gpus": 2,
        "available_gpus": 1,
        "total_memory_bytes": 2 * 23034 << 20,
        "available_memory_bytes": (2 * 23034 - 1024) << 20,
        "max_utilization": 35.0,
        "avg_utilization": 17.5,
    }


@pytest.mark.parametrize("script", ["echo failed >&2\nexit 9\n", "echo no devices\n", ""])
def test_driver_that_does_not_work(driver: Path, script: str) -> None:
    install(driver, script)

    assert list_gpus() == []


def test_no_driver(driver: Path) -> None:
    assert list_gpus() == []
    assert summarize_gpus([])["total_gpus"] == 0
