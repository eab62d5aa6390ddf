"""What the gallery uses of Dagster, which the tests do without."""

from typing import Any

asset: Any

class MaterializeResult:
    def __init__(self, **options: Any) -> None: ...

class RetryPolicy:
    def __init__(self, **options: Any) -> None: ...

class ScheduleDefinition:
    def __init__(self, **options: Any) -> None: ...

class Definitions:
    def __init__(self, **options: Any) -> None: ...
