"""Check the configuration of a release, its `config.yaml`.

All mistakes are reported at once, each with the path of the key.

Example:
    >>> config = PluginConfig.parse(
    ...     {
    ...         "code": "digits",
    ...         "name": "Digits",
    ...         "version": "1.0.0",
    ...         "category": "neural_net",
    ...         "actions": {"train": {"entrypoint": "plugin.train:run"}},
    ...     }
    ... )
    >>> config.action().module
    'plugin.train'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from synapse.errors import PluginConfigError, UsageError
from synapse.plugins.mapping_reader import Mistakes, did_you_mean
from synapse.plugins.specifiers import is_specifier

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "CATEGORIES",
    "ENTRYPOINT",
    "PLATFORM_MODULE",
    "Action",
    "PluginConfig",
    "Requires",
    "Resources",
    "split_entrypoint",
    "validate_action",
]

#: Purposes of a plugin, the values of `synapse.PluginCategory`.
CATEGORIES = (
    "neural_net",
    "export",
    "upload",
    "smart_tool",
    "pre_annotation",
    "post_annotation",
    "data_validation",
    "converter",
    "custom",
)

_CODE = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9_-]{1,100}([.+!][A-Za-z0-9_-]{1,100})*", re.ASCII)
_ACTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}", re.ASCII)
#: Import name of the platform's package, whose ready-made actions may be entrypoints.
PLATFORM_MODULE = "synapse_sdk"
_NAMES = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
#: Form of an entrypoint.
ENTRYPOINT = re.compile(f"{_NAMES}:{_NAMES}|[^\\W\\d]\\w*(\\.[^\\W\\d]\\w*)+")
_ENTRYPOINT_FORM = "module:callable, such as plugin.train:run, or plugin.train.TrainAction"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# Servers store no more characters.
_LONGEST = {"name": 255, "version": 64}
# Other keys of the platform's configurations: they aren't misspellings of ours.
_MORE_KEYS = (
    "variant",
    "readme",
    "package_manager",
    "package_manager_options",
    "wheels_dir",
    "runtime_env",
    "data_type",
    "tasks",
    "supported_data_type",
    "supported_data_types",
    "supported_annotation_tools",
    "annotation_category",
    "annotation_type",
    "smart_tool",
    "dependencies",
    "tags",
)
_MORE_ACTION_KEYS = ("input_type", "output_type", "params_schema", "serve_options")
#: Ways to run an action; this SDK's runners know the first two.
_METHODS = ("job", "task", "serve", "restapi")


@attrs.frozen(kw_only=True)
class Requires:
    """Versions that a release requires, as specifiers such as `>=3.10,<3.13`.

    Attributes:
        sdk: Versions of the platform's package.
        python: Versions of Python.
        cuda: Versions of CUDA.
    """

    sdk: str | None = None
    python: str | None = None
    cuda: str | None = None


@attrs.frozen(kw_only=True)
class Resources:
    """Resources that an action requests from a cluster.

    Attributes:
        cpu: Number of CPUs.
        gpu: Number of GPUs.
        memory: Memory in bytes.
        others: Other resources by name.
    """

    cpu: float | None = None
    gpu: float | None = None
    memory: float | None = None
    others: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Action:
    """An action of a plugin.

    Attributes:
        name: Name of the action.
        entrypoint: The code to run, as `module:callable` or `module.Name`.
        description: Description of the action.
        parameters: JSON Schema of the parameters; `None` accepts any.
        method: The way to run the action: `job`, `task`, `serve` or `restapi`.
        resources: The requested resources; by default those of the configuration.
        extra: Other keys of the configuration.
    """

    name: str
    entrypoint: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    method: str = "job"
    resources: Resources = Resources()
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def module(self) -> str:
        """The name of the module to import."""
        return split_entrypoint(self.entrypoint)[0]

    @property
    def callable(self) -> str:
        """The callable's name inside the module."""
        return split_entrypoint(self.entrypoint)[1]


@attrs.frozen(kw_only=True)
class PluginConfig:
    """The configuration of a release.

    Attributes:
        code: The plugin's code.
        name: The plugin's name.
        version: The release's version.
        category: Purpose, one of `synapse.PluginCategory`.
        description: Description of the plugin.
        author: Name of the author.
        install: Whether `requirements` are installed before a job runs.
        requirements: Required packages, as pip takes them.
        requires: Required versions of Python, CUDA and the platform's package.
        env: Environment variables of the code.
        actions: The actions by name.
        extra: Other keys, which a server may know.
    """

    code: str
    name: str
    version: str
    category: str
    description: str = ""
    author: str = ""
    install: bool = False
    requirements: tuple[str, ...] = ()
    requires: Requires = Requires()
    env: Mapping[str, str] = attrs.field(factory=dict)
    actions: Mapping[str, Action]
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    @classmethod
    def parse(
        cls,
        document: Any,
        *,
        source: str = "config.yaml",
        code: str | None = None,
        version: str | None = None,
    ) -> Self:
        """Check a configuration.

        Args:
            document: Content of the file, as plain values.
            source: Name of the file, for messages.
            code: The required code of the plugin.
            version: The required version of the release.

        Raises:
            PluginConfigError: The configuration has mistakes; the message names all.
        """
        mistakes = Mistakes()
        values = _read_config(document, mistakes)
        _check_expected(values, mistakes, code=code, version=version)
        if mistakes.problems:
            raise PluginConfigError(mistakes.problems, source)
        return cls(**values)

    def action(self, name: str | None = None) -> Action:
        """Return an action.

        Args:
            name: Name of the action; optional for a plugin with one action.

        Raises:
            UsageError: No action has this name, or no name was given for several actions.
        """
        return self.actions[validate_action(name, self.actions)]


def split_entrypoint(entrypoint: str) -> tuple[str, str]:
    """Return the module and the callable's name of an entrypoint in either form.

    Example:
        >>> split_entrypoint("plugin.train:run")
        ('plugin.train', 'run')
        >>> split_entrypoint("plugin.train.TrainAction")
        ('plugin.train', 'TrainAction')
    """
    before, separator, after = entrypoint.partition(":")
    if not separator:
        before, _, after = entrypoint.rpartition(".")
    return before, after


def validate_action(name: str | None, actions: Mapping[str, Any]) -> str:
    """Return the name of the requested action.

    Raises:
        UsageError: No action has this name, or no name was given for several actions.
    """
    names = ", ".join(actions) or "none"
    if name is None:
        if len(actions) != 1:
            raise UsageError(f"Pass the action's name. The plugin has: {names}.")
        return next(iter(actions))
    if not isinstance(name, str) or name not in actions:
        raise UsageError(
            f"The plugin has no action {name!r}{did_you_mean(name, actions)} It has: {names}."
        )
    return name


def _read_config(document: Any, mistakes: Mistakes) -> dict[str, Any]:
    keys = {*attrs.fields_dict(PluginConfig), "resources"}
    reader = mistakes.read_mapping("", document, known=keys, allowed=_MORE_KEYS)
    if reader is None:
        return {}
    code = reader.text("code", _CODE, "letters, digits, hyphens and underscores", required=True)
    if code is not None and code.isdigit():
        mistakes.add("code", "Digits alone look like an id. Add a letter.")
    category = reader.text("category", required=True)
    if category is not None and category not in CATEGORIES:
        hint = did_you_mean(category, CATEGORIES)
        mistakes.add(
            "category",
            f"{category!r} is not a category{hint} Use one of: {', '.join(CATEGORIES)}.",
        )
    for key, most in _LONGEST.items():
        value = reader.get(key)
        if isinstance(value, str) and len(value.strip()) > most:
            mistakes.add(key, f"Longer than {most} characters.")
    resources = _read_resources("resources", reader.get("resources"), mistakes)
    return {
        "code": code,
        "name": reader.text("name", required=True),
        "version": reader.text("version", _VERSION, "such as 1.0.0", required=True),
        "category": category,
        "description": reader.text("description") or "",
        "author": reader.text("author") or "",
        "install": reader.flag("install"),
        "requirements": tuple(reader.texts("requirements")),
        "requires": _read_requires(reader.get("requires"), mistakes),
        "env": _read_env(reader.get("env"), mistakes),
        "actions": _read_actions(reader.get("actions"), resources, mistakes),
        "extra": reader.rest(),
    }


def _read_actions(document: Any, resources: Resources, mistakes: Mistakes) -> dict[str, Action]:
    if document is None:
        mistakes.add("actions", "Missing. Name the plugin's actions.")
        return {}
    reader = mistakes.read_mapping("actions", document)
    if reader is None:
        return {}
    if not reader.names():
        mistakes.add("actions", "Empty. Name the plugin's actions.")
    actions = {}
    for name in reader.names():
        path = f"actions.{name}"
        if not _ACTION.fullmatch(name):
            mistakes.add(path, "An action's name consists of letters, digits, _ and -.")
        inner = mistakes.read_mapping(
            path, reader.get(name), known=attrs.fields_dict(Action), allowed=_MORE_ACTION_KEYS
        )
        if inner is not None:
            actions[name] = Action(
                name=name,
                entrypoint=inner.text("entrypoint", ENTRYPOINT, _ENTRYPOINT_FORM, True) or "",
                description=inner.text("description") or "",
                parameters=_read_schema(f"{path}.parameters", inner.get("parameters"), mistakes),
                method=inner.word("method", _METHODS) or "job",
                resources=_read_resources(
                    f"{path}.resources", inner.get("resources"), mistakes, resources
                ),
                extra=inner.rest(),
            )
    return actions


def _read_requires(document: Any, mistakes: Mistakes) -> Requires:
    if document is None:
        return Requires()
    reader = mistakes.read_mapping("requires", document, known=attrs.fields_dict(Requires))
    if reader is None:
        return Requires()
    specifiers = {name: reader.text(name) for name in attrs.fields_dict(Requires)}
    for name, specifier in specifiers.items():
        if specifier is not None and not is_specifier(specifier):
            form = "a version specifier, such as '>=3.10,<3.13'"
            mistakes.add(reader.at(name), f"Expected {form}, not {specifier!r}.")
    return Requires(**specifiers)


def _read_env(document: Any, mistakes: Mistakes) -> dict[str, str]:
    """Return environment variables; numbers and booleans become text."""
    if document is None:
        return {}
    reader = mistakes.read_mapping("env", document)
    if reader is None:
        return {}
    variables = {}
    for name in reader.names():
        value = reader.get(name)
        if not _VARIABLE.fullmatch(name):
            mistakes.add(reader.at(name), "A variable's name consists of letters, digits and _.")
        elif isinstance(value, (dict, list)) or value is None or "\0" in str(value):
            mistakes.add(reader.at(name), "Expected text.")
        else:
            variables[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return variables


def _read_resources(
    path: str, document: Any, mistakes: Mistakes, default: Resources = Resources()
) -> Resources:
    if document is None:
        return default
    reader = mistakes.read_mapping(path, document)
    if reader is None:
        return default
    amounts: dict[str, float] = {}
    for name in reader.names():
        amount = reader.get(name)
        if isinstance(amount, bool) or not isinstance(amount, (int, float)) or amount < 0:
            mistakes.add(reader.at(name), f"Expected a number of at least 0, not {amount!r:.60}.")
        else:
            # Ray's own names for the same.
            amounts[name.lower().removeprefix("num_").removesuffix("s")] = amount
    own = {name: amounts.pop(name, None) for name in ("cpu", "gpu", "memory")}
    return Resources(**own, others=amounts)


def _read_schema(path: str, document: Any, mistakes: Mistakes) -> Mapping[str, Any] | None:
    if document is None:
        return None
    if not isinstance(document, Mapping):
        mistakes.add(path, f"Expected a JSON Schema, which is a mapping, not {document!r:.60}.")
        return None
    from synapse.plugins.parameters import find_schema_problems

    for below, reasons in find_schema_problems(document).items():
        for reason in reasons:
            mistakes.add(f"{path}.{below}" if below else path, reason)
    return document


def _check_expected(
    values: Mapping[str, Any], mistakes: Mistakes, *, code: str | None, version: str | None
) -> None:
    if code is not None and values.get("code") not in (None, code):
        mistakes.add("code", f"{values['code']!r} differs from the plugin's code {code!r}.")
    if version is not None and values.get("version") not in (None, version):
        mistakes.add(
            "version", f"{values['version']!r} differs from the release's version {version!r}."
        )
