import sys
from types import ModuleType

import pytest
from typer.testing import CliRunner

from synapse._internal.installation import install_command
from synapse.cli.app import app


@pytest.mark.parametrize(("is_good", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_is_the_demos_result(
    monkeypatch: pytest.MonkeyPatch, is_good: bool, code: int
) -> None:
    quickstart = ModuleType("quickstart")
    quickstart.main = lambda: is_good  # type: ignore[attr-defined] # a stand-in
    monkeypatch.setitem(sys.modules, "synapse.examples.quickstart", quickstart)

    assert CliRunner().invoke(app, ["demo"]).exit_code == code


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "synapse.examples.quickstart", None)

    result = CliRunner().invoke(app, ["demo"])

    assert result.exit_code == 1
    assert install_command("demo") in result.stderr
