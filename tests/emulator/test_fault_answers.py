"""Faulty responses, as a plain client sees them."""

import pytest
import requests


@pytest.fixture
def tenant(api):
    return api.ok("GET", "users/me/")["tenant"]


def test_a_refusal_has_the_status_and_the_pause(emulator, api, tenant):
    with emulator.fault(503, retry_after=7, tenant=tenant, path="projects/") as fault:
        response = api.post("projects/", {"title": "a", "category": "image"})
        assert fault.served == 1

    assert (response.status_code, response.headers["Retry-After"]) == (503, "7")
    assert api.ids("projects/") == []


def test_a_page_of_a_proxy(emulator, api, tenant):
    with emulator.fault("html", status=504, tenant=tenant):
        response = api.get("projects/")

    assert (response.status_code, response.headers["Content-Type"][:9]) == (504, "text/html")
    assert "504 Gateway Timeout" in response.text


def test_a_lost_response_belongs_to_a_processed_request(emulator, api, tenant):
    with emulator.fault("lost", tenant=tenant), pytest.raises(requests.ConnectionError):
        api.post("projects/", {"title": "a", "category": "image"})

    assert len(api.ids("projects/")) == 1


def test_faults_of_a_tenant_leave_others_alone(emulator, api, other, tenant):
    with emulator.fault(500, tenant=tenant) as fault:
        assert other.get("projects/").status_code == 200
        assert fault.served == 0
