import sys

import pytest

from synapse._internal.installation import install_command
from synapse.emulator.errors import EmulatorError, require_extra


def test_all_libraries_are_installed() -> None:
    require_extra()


def test_missing_libraries_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("waitress", "yaml"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(EmulatorError) as error:
        require_extra()

    assert "needs waitress, yaml, which is not installed" in str(error.value)
    assert str(error.value).endswith(install_command("emulator"))
