"""The application `synapse`; the only place that registers commands."""

from __future__ import annotations

from typing import Annotated

import typer

from synapse._version import __version__
from synapse.cli.bash_completion import install_script
from synapse.cli.lazy_group import LazyCommand, RootGroup, new_app
from synapse.cli.resource_names import ALIASES, RESOURCES, get_command_name

__all__ = ["COMMANDS", "app"]

# In the help's order. A command is a function or a `typer.Typer`, and is imported when it runs.
COMMANDS = {
    "emulator": LazyCommand("synapse.cli.emulator:emulator", "Run a local backend until Ctrl-C."),
    "login": LazyCommand(
        "synapse.cli.login:login",
        "Ask for the address and the token, check them, and write a profile.",
    ),
    "logout": LazyCommand("synapse.cli.login:logout", "Remove a profile with the token."),
    "whoami": LazyCommand(
        "synapse.cli.login:whoami",
        "Print the user of the token, and where address and token come from.",
    ),
    "profiles": LazyCommand("synapse.cli.login:profiles", "List the profiles, without tokens."),
    "configure": LazyCommand(
        "synapse.cli.configure:configure", "Check a token, and write a profile."
    ),
    "doctor": LazyCommand(
        "synapse.cli.doctor:doctor",
        "Examine the installation, the settings, the network and the server.",
    ),
    "upload": LazyCommand("synapse.cli.files:upload", "Upload many files as data units."),
    "sync": LazyCommand("synapse.cli.sync:sync", "Bring a collection up to date with a folder."),
    "download": LazyCommand("synapse.cli.files:download", "Download many files."),
    "transfer": LazyCommand(
        "synapse.cli.transfer:app", "List and continue transfers that were interrupted."
    ),
    "plugin": LazyCommand(
        "synapse.cli.plugin:app", "Make, check, run and release the plugin in a folder."
    ),
    "shell": LazyCommand(
        "synapse.cli.shell:shell", "Start Python with `session` and `synapse` ready."
    ),
    "agent": LazyCommand(
        "synapse.cli.agent:agent",
        "Run jobs for a backend on this machine, or on a Ray cluster.",
    ),
    "mcp": LazyCommand("synapse.cli.mcp:mcp", "Offer tools to a language model."),
    "cache": LazyCommand(
        "synapse.cli.cache:cache", "Look at the cached files of this user, and remove them."
    ),
    "demo": LazyCommand("synapse.cli.demo:demo", "Upload, annotate and train on a local backend."),
}


_GROUPS = {
    get_command_name(plural): LazyCommand(
        "synapse.cli.resource_group:make_group", text, words=(plural,), section="Resources"
    )
    for plural, text in RESOURCES.items()
}


# Words of other command lines, and what to type here.
_HINTS = {
    **dict.fromkeys(("auth", "signin", "account"), "type synapse login, whoami or logout."),
    **dict.fromkeys(("version", "env"), "type synapse --version."),
    **dict.fromkeys(("help", "commands"), "type synapse -h, or -h after a command."),
    **dict.fromkeys(("config", "init", "setup", "settings"), "type synapse login, or profiles."),
    **dict.fromkeys(("ls", "list"), "type the kind first, as in synapse projects list."),
    **dict.fromkeys(
        ("get", "show", "create", "update", "rm", "delete"),
        "type the kind first, as in synapse tasks get 5.",
    ),
    "count": "type the kind first, as in synapse tasks count status=pending.",
    "export": "type synapse projects export ID FOLDER.",
    "import": "type synapse projects import-from ID FOLDER.",
    **dict.fromkeys(("run", "train"), "type synapse plugins run CODE ACTION NAME=VALUE."),
    **dict.fromkeys(("log", "logs", "tail"), "type synapse jobs logs ID -f."),
    **dict.fromkeys(
        ("wait", "stop", "follow"), "type synapse jobs wait, stop or follow, and the ID."
    ),
    **dict.fromkeys(("push", "cp", "put"), "type synapse upload PATH --collection ID."),
    **dict.fromkeys(("pull", "fetch", "clone"), "type synapse download FOLDER --project ID."),
    **dict.fromkeys(("datasets", "dataset", "data"), "type synapse data-collections list."),
    **dict.fromkeys(("api", "curl"), "type synapse shell, which has a session."),
    **dict.fromkeys(("resume", "continue"), "type synapse transfer resume."),
    **dict.fromkeys(("python", "repl", "console", "ipython"), "type synapse shell."),
    **dict.fromkeys(("completion", "completions"), "type synapse --install-completion."),
}


class _Root(RootGroup):
    table = {**COMMANDS, **_GROUPS}
    aliases = {**ALIASES, **dict.fromkeys(("me",), "whoami"), "serve": "emulator"}
    hints = _HINTS


install_script()
app = new_app(
    cls=_Root,
    has_completion=True,
    help="Work with a Synapse server, or run one on this machine.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"synapse-sdk {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Work with a Synapse server, or run one on this machine."""
