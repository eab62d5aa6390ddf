"""The own user, and the health of the service."""


def test_health_needs_no_credentials_and_minds_no_bad_ones(anonymous):
    assert anonymous.get("health/").json()["status"] == "ok"
    bad = {"SYNAPSE-Access-Token": "Token nonsense"}
    assert anonymous.request("GET", "health/", headers=bad).status_code == 200


def test_me_is_who_the_token_belongs_to(emulator, api, anonymous):
    me = api.get("users/me/").json()
    assert me["tenants"] == [me["tenant"]]
    assert me["is_agent"] is False
    agent = {"SYNAPSE-Agent": f"Token {emulator.agent_token}"}
    answer = anonymous.request("GET", "users/me/", headers=agent).json()
    assert (answer["is_agent"], answer["tenant"]) == (True, "default")
