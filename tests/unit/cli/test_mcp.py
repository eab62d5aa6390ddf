from typer.testing import CliRunner

from synapse.cli.app import app


def test_a_port_is_a_number() -> None:
    result = CliRunner().invoke(app, ["mcp", "--http", "70000"])
    assert result.exit_code == 2
    assert "65535" in result.stderr.replace("_", "")
