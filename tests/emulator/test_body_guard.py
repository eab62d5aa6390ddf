"""Whose request bodies are read."""

import pytest
import requests

from .client import connect


def pieces(count):
    for _ in range(count):
        yield b"x" * (1 << 20)


@pytest.mark.parametrize("body", [lambda: b"x" * (20 << 20), lambda: pieces(20)])
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("projects/", {}, 401),
        ("projects/", {"Authorization": "Token unknown"}, 401),
        ("projects/", {"Authorization": "Bearer unknown"}, 401),
        ("data_files/", {"SYNAPSE-Access-Token": "Token a b"}, 401),
        ("chunked_upload/", {"SYNAPSE-Agent": "Token unknown"}, 401),
        ("_emulator/tenants/", {"Authorization": "Token unknown"}, 404),
        ("_storage/7d444840-9dc0-11d1-b245-5ffdce74fad2?signature=x", {}, 405),
        ("health/", {}, 405),
        ("nowhere/", {}, 404),
    ],
)
def test_strangers_bodies_are_neither_stored_nor_parsed(
    emulator, anonymous, path, headers, status, body
):
    response = anonymous.request("POST", path, data=body(), headers=headers)

    assert (response.status_code, response.headers["Connection"]) == (status, "close")
    assert [path.name for path in (emulator.data / "incoming").iterdir() if path.is_file()] == []


def test_a_token_that_ended_moments_ago_is_refused_by_the_view(api, emulator):
    """Looked up once for many requests, a token lets a body in; the view decides."""
    tenant = emulator.create_tenant()
    user = connect(emulator, tenant.api_token)
    assert user.post("projects/", {"title": "a", "category": "image"}).status_code == 201
    wrong = connect(emulator, tenant.api_token + "x")
    assert wrong.post("projects/", {"title": "a", "category": "image"}).status_code == 401


@pytest.mark.parametrize("header", ["SYNAPSE-Access-Token", "Authorization"])
def test_a_user_has_a_body_in_every_header(emulator, anonymous, header):
    token = emulator.create_tenant().api_token
    body = {"title": "x" * 100_000, "category": "image"}
    response = anonymous.post("projects/", body, headers={header: f"Token {token}"})
    assert (response.status_code, list(response.json())) == (400, ["title"])


def test_an_agent_has_a_body(emulator, anonymous):
    tenant = emulator.create_tenant()
    headers = {"SYNAPSE-Agent": f"Token {tenant.agent_token}"}
    path = f"agents/{tenant.agent_token}/connect/"
    assert anonymous.post(path, {"name": "a"}, headers=headers).json()["name"] == "a"


def test_a_signature_has_a_body_at_its_address_alone(api, anonymous):
    storage = {"name": "s", "provider": "minio", "configuration": {}, "is_default": True}
    api.ok("POST", "storages/", storage)
    announced = {"files": [{"filename": "a.bin", "size": 3}]}
    (file,) = api.ok("POST", "data_files/presigned_upload/upload/", announced)["files"]
    url = file["presigned_url"]
    assert requests.put(url, b"abc", timeout=30).status_code == 200
    assert requests.put(f"{url}x", b"abc", timeout=30).status_code == 403
    query = url.partition("?")[2]
    body = {"title": "a", "category": "image"}
    assert anonymous.post(f"projects/?{query}", body).status_code == 401
