"""Endpoints for the process that started the server."""

from .client import Api


def test_making_tenants_needs_the_control_token(emulator, api: Api):
    response = api.post("_emulator/tenants/", {})
    assert response.status_code == 404
    wrong = {"Authorization": f"Token {emulator.api_token}"}
    assert api.request("POST", "_emulator/tenants/", json={}, headers=wrong).status_code == 404
