"""Resources of other packages, found by their entry points when a session uses their name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synapse._internal import log_events
from synapse.errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "load_discovered"]

GROUP = "synapse.resources"

# Broken entry points that were reported: lists of all resources leave them out.
_reported: set[tuple[str, str]] = set()


def load_discovered(name: str) -> None:
    """Import the resource of an entry point; without a name, those of all entry points.

    Args:
        name: Name of a class or of a manager, which is the name of its entry point. Empty for all;
            then a broken entry point is a warning in the log.

    Raises:
        ConfigurationError: The entry point of that name is broken, or not the only one.
    """
    from importlib.metadata import entry_points  # few sessions use an unknown name

    points = {(each.name, each.value): each for each in entry_points(group=GROUP)}
    if not name:
        for point in points.values():
            _load_or_report(point)
        return
    wanted = [each for each in points.values() if name in (each.name, _name_class(each))]
    if len(wanted) > 1:
        origins = " and ".join(sorted(f"{one.value} ({_describe_source(one)})" for one in wanted))
        raise ConfigurationError(
            f"Several entry points of the group {GROUP} offer {name!r}: {origins}. Uninstall all "
            "of them but one."
        )
    for point in wanted:
        _load(point)


def _load_or_report(point: EntryPoint) -> None:
    try:
        _load(point)
    except ConfigurationError as error:
        if (point.name, point.value) not in _reported:
            _reported.add((point.name, point.value))
            log_events.ENTRY_POINT_BROKEN.log(
                "%s", error, entry_point=point.name, value=point.value
            )


def _load(point: EntryPoint) -> None:
    """Import an entry point's class, which declares itself.

    Raises:
        ConfigurationError: The import fails, or the class is not a resource of that name.
    """
    where = f"The entry point {point.name!r} = {point.value!r} of {_describe_source(point)}"
    try:
        cls: Any = point.load()
    except (Exception, SystemExit) as error:  # a module may raise anything
        raise ConfigurationError(
            f"{where} can't be loaded ({type(error).__name__}: {error}). Repair or uninstall it; "
            "everything else works without it."
        ) from error
    schema = getattr(cls, "__schema__", None)
    if not isinstance(cls, type) or schema is None:
        raise ConfigurationError(
            f"{where} is not a resource. Name a class with @resource(...), as 'package.module:Cls'."
        )
    if schema.plural != point.name:
        raise ConfigurationError(
            f"{where} is the class of the manager {schema.plural!r}. Name the entry point "
            f"{schema.plural!r}, too."
        )


def _name_class(point: EntryPoint) -> str:
    """Return the name of the class; `point.attr` fails where the value is malformed."""
    return point.value.partition(":")[2].partition("[")[0].strip()


def _describe_source(point: EntryPoint) -> str:
    source = point.dist
    return "an unknown package" if source is None else f"{source.name} {source.version}"
