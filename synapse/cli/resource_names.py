"""The groups of resources, so that `--help` lists them without importing any.

A test compares the table with the declarations.
"""

from __future__ import annotations

__all__ = ["ALIASES", "RESOURCES", "get_command_name", "get_plural"]

# The root manager of each resource, and the first line of the resource's docstring.
RESOURCES = {
    "projects": "An annotation project: tasks over the data of a collection.",
    "tasks": "One piece of work in a project: a data unit to annotate.",
    "task_tags": "A tag for the tasks and assignments of a project.",
    "assignments": "One person's work on one task.",
    "data_collections": "A collection of data units of one kind.",
    "data_units": "One item of a collection: a file for each file specification.",
    "data_files": "An uploaded file.",
    "plugins": "A plugin: code that the platform runs.",
    "plugin_releases": "A version of a plugin, as a zip.",
    "jobs": "A run of a plugin.",
    "logs": "An entry of a job's log.",
    "models": "A trained model.",
    "ground_truths": "The true annotations of a data unit.",
    "ground_truth_events": "A ground truth within a version of a dataset.",
    "ground_truth_versions": "A version of a ground truth dataset.",
    "serve_applications": "A plugin that answers requests.",
    "storages": "A place for the platform's files.",
    "agents": "A machine that runs jobs for the platform.",
    "users": "A user.",
}

# Short names, as people say them.
_SHORT = {
    "collections": "data_collections",
    "units": "data_units",
    "files": "data_files",
    "releases": "plugin_releases",
    "tags": "task_tags",
}


def get_command_name(plural: str) -> str:
    """Return the name of a resource's group: `data-units` for `data_units`."""
    return plural.replace("_", "-")


def get_plural(command: str) -> str:
    """Return the root manager of a group: `data_units` for `data-units`."""
    return command.replace("-", "_")


def _find_aliases() -> dict[str, str]:
    aliases: dict[str, str] = {}
    for name, plural in {**{name: name for name in RESOURCES}, **_SHORT}.items():
        command = get_command_name(plural)
        for word in (name, get_command_name(name)):
            aliases[word] = aliases[word.removesuffix("s")] = command
    return aliases


# Other spellings of a group: with underscores, in the singular, and shorter.
ALIASES: dict[str, str] = _find_aliases()
