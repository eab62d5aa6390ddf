"""What the gallery uses of Prefect, which the tests do without."""

from typing import Any

flow: Any
task: Any
