"""Data sets that come with scikit-learn."""

from typing import Any

def load_digits() -> Any: ...
