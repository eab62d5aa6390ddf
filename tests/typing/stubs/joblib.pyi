"""What the examples use of joblib, which has no types."""

from pathlib import Path
from typing import Any

def load(filename: Path) -> Any: ...
def dump(value: object, filename: Path) -> list[str]: ...
