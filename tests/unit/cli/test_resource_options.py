from typing import get_args

from synapse.cli import resource_options


def test_each_option_has_help() -> None:
    for name in resource_options.__all__:
        option = get_args(getattr(resource_options, name))[1]
        assert option.help
