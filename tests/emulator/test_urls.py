"""The paths of the lists."""

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "projects/",
        "sdk/tasks/",
        "task_tags/",
        "sdk/assignments/",
        "data_collections/",
        "data_units/",
        "plugins/",
        "plugin_releases/",
        "jobs/",
        "serve_applications/",
        "storages/",
        "models/",
        "sdk/ground_truth_events/",
        "ground_truths/",
        "ground_truth_dataset_versions/",
    ],
)
def test_every_list_is_empty_in_a_new_tenant(api, path):
    response = api.get(path)

    assert response.status_code == 200
    assert response.json() == {"count": 0, "next": None, "previous": None, "results": []}
