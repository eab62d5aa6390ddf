import pytest


def test_no_credentials_are_401_with_the_scheme(anonymous):
    response = anonymous.get("projects/")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.json() == {"detail": "Authentication credentials were not provided."}


@pytest.mark.parametrize("header", ["SYNAPSE-Access-Token", "Authorization", "SYNAPSE-Agent"])
def test_a_wrong_token_is_401(anonymous, header):
    response = anonymous.request("GET", "projects/", headers={header: "Token nonsense"})
    assert response.status_code == 401
    assert response.json() == {"detail": "Invalid token."}
    assert response.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(
    ("header", "kind", "status"),
    [
        ("SYNAPSE-Access-Token", "api_token", 200),
        ("Authorization", "api_token", 200),
        ("SYNAPSE-Agent", "api_token", 401),
        ("SYNAPSE-Access-Token", "agent_token", 401),
        ("Authorization", "agent_token", 401),
        ("SYNAPSE-Agent", "agent_token", 200),
    ],
)
def test_each_token_is_good_in_its_own_headers(emulator, anonymous, header, kind, status):
    token = getattr(emulator, kind)
    response = anonymous.request("GET", "projects/", headers={header: f"Token {token}"})
    assert response.status_code == status


@pytest.mark.parametrize("value", ["", "Token", "Bearer abc", "Token a b", "Token \xe9\xe9"])
def test_a_malformed_header_is_401(anonymous, value):
    response = anonymous.request(
        "GET", "projects/", headers={"SYNAPSE-Access-Token": value.encode("latin-1")}
    )
    assert response.status_code == 401


@pytest.mark.sqlite
def test_tokens_are_not_in_the_database_in_clear(emulator):
    everything = b"".join(
        path.read_bytes() for path in emulator.data.glob("db.sqlite3*") if path.is_file()
    )
    assert b"default" in everything
    assert emulator.api_token.encode() not in everything
    assert emulator.agent_token.encode() not in everything
