"""What the gallery uses of pendulum, which the tests do without."""

from typing import Any

def datetime(year: int, month: int, day: int, **options: Any) -> Any: ...
