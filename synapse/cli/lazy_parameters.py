"""Parameters that convert their value only if one is given: loading the conversion takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typer.core import TyperArgument, TyperOption
from typing_extensions import override

__all__ = ["delay_conversion"]


def delay_conversion(parameters: list[Any]) -> list[Any]:
    """Change typer's parameters, so that those without a value don't load pydantic.

    Args:
        parameters: Options and arguments of a command. Those of other classes stay as they are.

    Returns:
        The same parameters.
    """
    for each in parameters:
        each.__class__ = _CLASSES.get(type(each), type(each))
    return parameters


class _LazyOption(TyperOption):
    @override
    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return the value for the command."""
        return _process(self, ctx, value, super().process_value)


class _LazyArgument(TyperArgument):
    @override
    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return the value for the command."""
        return _process(self, ctx, value, super().process_value)


_CLASSES: dict[type[Any], type[Any]] = {TyperOption: _LazyOption, TyperArgument: _LazyArgument}


def _process(
    parameter: TyperOption | TyperArgument, ctx: Any, value: Any, convert: Callable[..., Any]
) -> Any:
    if value is not None or parameter.required:
        return convert(ctx, value)
    unset = () if parameter.multiple or parameter.nargs == -1 else None
    return unset if parameter.callback is None else parameter.callback(ctx, parameter, unset)
