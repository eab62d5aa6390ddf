"""The group of a resource: verbs and help, without importing the resource.

A test compares the table with the declarations.
"""

from __future__ import annotations

import typer

from synapse.cli.lazy_group import HintedGroup, LazyCommand, LazyGroup, new_app
from synapse.cli.resource_names import RESOURCES

__all__ = ["VERBS", "make_group"]

# Advice for an id behind the name of a group, as other tools take one.
_ID_HINTS = {"logs": "type synapse jobs logs ID -f."}
# Commands of several resources.
_COMMON = {
    "list": "List the objects that match.",
    "get": "Print objects by their ids.",
    "count": "Print the number of objects that match.",
    "create": "Create an object, or with - one for each row of standard input.",
    "update": "Change fields of objects.",
    "delete": "Delete objects, after a question.",
    "open": "Open the object's page in a browser, and print the address.",
}


def _name_common(verbs: str) -> dict[str, str]:
    return {verb: _COMMON[verb] for verb in verbs.split()}


# The commands of each root manager, and the first sentence of each command's help.
VERBS = {
    "projects": {
        **_COMMON,
        "download": "Download many files.",
        "export": "Write tasks and their pictures as a data set of a common format.",
        "import-from": (
            "Upload a data set: pictures as units of the project's collection, annotations as "
            "tasks."
        ),
        "summary": "Count the tasks by status, class, assignee and time.",
    },
    "tasks": {
        **_COMMON,
        "annotate": "Store annotation documents.",
        "tag": "Add tags to tasks.",
        "untag": "Take tags off tasks.",
    },
    "task_tags": _COMMON,
    "assignments": {
        **_name_common("list get count update open"),
        "tag": "Add tags to assignments.",
        "untag": "Take tags off assignments.",
    },
    "data_collections": {
        **_COMMON,
        "download": "Download many files.",
        "sync": "Bring a collection up to date with a folder; nothing is created twice.",
        "upload": "Upload many files as data units.",
    },
    "data_units": _name_common("list get count create delete open"),
    "data_files": {
        "upload": "Upload a file by streaming: the file needn't fit into memory.",
        "verify-checksums": "Find out which files the server has.",
    },
    "plugins": {
        **_name_common("list get count create update open"),
        "run": "Start a job.",
        "release": "Upload a release; the first one creates the plugin.",
    },
    "plugin_releases": {
        **_name_common("list get count open"),
        "download": "Download the file.",
    },
    "jobs": {
        **_name_common("list get count update open"),
        "follow": "Return the job's output line by line as printed, until the job has ended.",
        "logs": "Print the lines that a job printed.",
        "stop": "Request the job's stop.",
        "wait": "Wait until the job has ended, and return only if the job succeeded.",
    },
    "logs": _name_common("create"),
    "models": {**_COMMON, "download": "Download the file."},
    "ground_truths": _name_common("list get count"),
    "ground_truth_events": _name_common("list get count"),
    "ground_truth_versions": _name_common("list get count open"),
    "serve_applications": _name_common("list get count create delete open"),
    "storages": {
        **_name_common("list get count create open"),
        "load-configuration": "Return the storage's access data with secrets.",
        "default": "Return the default storage.",
    },
    "agents": {
        **_name_common("list get count open"),
        "health": "Fetch the agent's health.",
        "metrics": "Return the figures of a panel, such as `cpu`, `memory`, `disk` or `jobs`.",
        "connect": "Connect the agent of a token at the server, and return the agent.",
    },
    "users": {"me": "Return the user that the session's token belongs to."},
}


def make_group(plural: str) -> typer.Typer:
    """Return the application of a resource.

    Args:
        plural: Root manager of the resource, such as `data_units`.
    """
    table = {
        verb: LazyCommand("synapse.cli.resources:make_command", text, words=(plural, verb))
        for verb, text in VERBS[plural].items()
    }
    id_hint = _ID_HINTS.get(plural, HintedGroup.id_hint)
    group = type("_ResourceGroup", (LazyGroup,), {"table": table, "id_hint": id_hint})
    app = new_app(cls=group, help=RESOURCES[plural])
    # Without a command of its own, typer makes a group only of an application with a callback.
    app.callback()(_do_nothing)
    return app


def _do_nothing() -> None:
    pass
