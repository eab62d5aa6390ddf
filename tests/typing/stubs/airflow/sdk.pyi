"""Decorators of DAGs."""

from typing import Any

dag: Any
task: Any
