"""Ground truths, events and versions."""

from __future__ import annotations

from synapse.resources.enums import GroundTruthCategory
from synapse.resources.ground_truths import GroundTruth, GroundTruthVersion

from .conftest import ScriptedSession


def test_a_ground_truth(scripted: ScriptedSession) -> None:
    row = {"id": 1, "category": "train", "data_unit": 4, "project": None}

    truth = scripted.session.identity.load(GroundTruth, [row])[0]

    assert (truth.category, truth.data_unit_id) == (GroundTruthCategory.TRAIN, 4)
    assert truth.project is None


def test_the_events_of_a_version(scripted: ScriptedSession) -> None:
    version = scripted.session.identity.load(GroundTruthVersion, [{"id": 2}])[0]
    scripted.reply({"results": [{"id": 8, "files": {}}], "count": 1, "next": None})

    assert [event.id for event in version.events] == [8]
    path, _, query = scripted.requests[0][1].partition("?")
    assert path == "/sdk/ground_truth_events/"
    assert "ground_truth_dataset_versions=2" in query
