"""Splits of samples."""

from typing import Any

def train_test_split(*arrays: Any, **options: Any) -> list[Any]: ...
