"""Labels, reviews and progress of a team, on the Synapse SDK."""

from teamkit.labels import Label, LabelManager
from teamkit.metrics import Progress, RequestMetrics, measure_progress
from teamkit.reviews import ReviewQueue, ReviewTask
from teamkit.session import TeamSession

__all__ = [
    "Label",
    "LabelManager",
    "Progress",
    "RequestMetrics",
    "ReviewQueue",
    "ReviewTask",
    "TeamSession",
    "measure_progress",
]
