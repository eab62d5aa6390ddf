import pytest
from typer.testing import CliRunner

from synapse import config, session
from synapse.cli.app import app
from synapse.errors import AuthenticationError


class Session:
    """A session whose token belongs to Ada, unless the token is wrong."""

    def __init__(self, base_url: str, api_token: str, tenant: str | None) -> None:
        self.token = api_token
        self.username = "ada"

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def me(self) -> "Session":
        if self.token == "wrong":
            raise AuthenticationError("Invalid token.")
        return self


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """The profiles that the command writes."""
    profiles: dict[str, dict[str, str]] = {}

    def save_profile(name: str, values: dict[str, str]) -> str:
        profiles[name] = values
        return "config.toml"

    monkeypatch.setattr(session, "Session", Session)
    monkeypatch.setattr(config, "save_profile", save_profile)
    return profiles


def test_answers_to_the_prompts_become_a_profile(saved: dict[str, dict[str, str]]) -> None:
    result = CliRunner().invoke(app, ["configure"], input="http://a\nsecret\n")

    assert result.exit_code == 0
    assert "Profile [default] for ada is written to config.toml" in result.stdout
    assert "secret" not in result.stdout
    assert saved == {"default": {"base_url": "http://a", "api_token": "secret"}}


def test_a_wrong_token_writes_nothing(saved: dict[str, dict[str, str]]) -> None:
    arguments = ["--base-url", "http://a", "--api-token", "wrong", "--tenant", "t"]
    result = CliRunner().invoke(app, ["configure", *arguments])

    assert result.exit_code == 1
    assert "Invalid token." in result.stderr
    assert saved == {}
