"""Values that no field can store."""

import pytest


@pytest.mark.parametrize("value", [-1, 2**70])
def test_a_number_that_no_column_holds_is_refused(api, value):
    body = {"title": "a", "category": "image", "count_max_assignments_per_task": value}
    response = api.post("projects/", body)
    assert response.status_code == 400
    assert list(response.json()) == ["count_max_assignments_per_task"]
