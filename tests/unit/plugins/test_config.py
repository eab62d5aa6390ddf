"""Checking a release's configuration: every mistake is named."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import PluginCategory
from synapse.errors import PluginConfigError, UsageError
from synapse.plugins.config import CATEGORIES, PluginConfig, Requires, Resources


def config(**changes: Any) -> dict[str, Any]:
    """Return a valid configuration with changes; `None` removes a key."""
    good = {
        "code": "digits",
        "name": "Digits",
        "version": "1.0.0",
        "category": "neural_net",
        "actions": {"train": {"entrypoint": "plugin.train:run"}},
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def problems_of(document: Any, **options: Any) -> dict[str, list[str]]:
    with pytest.raises(PluginConfigError) as caught:
        PluginConfig.parse(document, **options)
    assert caught.value.path == next(iter(caught.value.problems))
    for path, reasons in caught.value.problems.items():
        for reason in reasons:
            assert path in str(caught.value)
            assert reason in str(caught.value)
    return caught.value.problems


def test_categories_are_those_of_the_sdk() -> None:
    assert tuple(category.value for category in PluginCategory) == CATEGORIES


def test_a_full_configuration() -> None:
    schema = {"type": "object", "properties": {"epochs": {"type": "integer"}}}
    parsed = PluginConfig.parse(
        config(
            description="Reads digits.",
            author="Ada",
            install=True,
            requirements=["scikit-learn>=1.5"],
            actions={
                "train": {
                    "entrypoint": "plugin.train:Trainer.run",
                    "description": "Trains.",
                    "parameters": schema,
                    "gpu": 1,
                }
            },
            tags=["mnist"],
        )
    )

    assert (parsed.code, parsed.name, parsed.version) == ("digits", "Digits", "1.0.0")
    assert (parsed.description, parsed.author) == ("Reads digits.", "Ada")
    assert (parsed.install, parsed.requirements) == (True, ("scikit-learn>=1.5",))
    assert parsed.extra == {"tags": ["mnist"]}
    action = parsed.action()
    assert (action.name, action.module, action.callable) == ("train", "plugin.train", "Trainer.run")
    assert (action.description, action.parameters, action.extra) == ("Trains.", schema, {"gpu": 1})


def test_a_configuration_of_the_platforms_scaffold() -> None:
    parsed = PluginConfig.parse(
        config(
            variant="small",
            readme="README.md",
            package_manager="uv",
            package_manager_options=["--no-cache"],
            wheels_dir="wheels",
            runtime_env={"pip": ["numpy"]},
            data_type="image",
            tasks=["image.object_detection"],
            supported_data_type=["image"],
            supported_data_types=["image"],
            supported_annotation_tools={"image": ["bounding_box"]},
            annotation_category="object_detection",
            annotation_type="bbox",
            smart_tool="interactive",
            dependencies={},
            tags=[],
            requires={"sdk": ">=2026.1.0", "python": ">=3.10,<3.13", "cuda": ">=11.8"},
            env={"LEVEL": "3", "DEBUG": True, "SIZE": 12},
            resources={"num_gpus": 1},
            actions={
                "train": {
                    "entrypoint": "plugin.train.TrainAction",
                    "method": "job",
                    "resources": {"cpu": 2, "trainer": 1},
                },
                "inference": {"entrypoint": "plugin.serve:Served", "method": "serve"},
            },
        )
    )

    train, inference = parsed.action("train"), parsed.action("inference")
    assert (train.module, train.callable) == ("plugin.train", "TrainAction")
    assert (train.method, inference.method) == ("job", "serve")
    assert train.resources == Resources(cpu=2, others={"trainer": 1})
    assert inference.resources == Resources(gpu=1)
    assert parsed.requires == Requires(sdk=">=2026.1.0", python=">=3.10,<3.13", cuda=">=11.8")
    assert parsed.env == {"LEVEL": "3", "DEBUG": "true", "SIZE": "12"}
    assert parsed.extra["smart_tool"] == "interactive"


def test_what_may_be_left_out() -> None:
    parsed = PluginConfig.parse(config())

    assert (parsed.description, parsed.author, parsed.install) == ("", "", False)
    assert (parsed.requirements, parsed.extra) == ((), {})
    assert parsed.action("train").parameters is None


@pytest.mark.parametrize("key", ["code", "name", "version", "category", "actions"])
def test_what_may_not_be_left_out(key: str) -> None:
    assert list(problems_of(config(**{key: None}))) == [key]


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"code": "a b"}, "code", "Expected letters, digits, hyphens and underscores, not 'a b'."),
        ({"code": "12"}, "code", "Digits alone"),
        ({"code": 12}, "code", 'not the number 12: write "12", in quotes.'),
        ({"name": " "}, "name", "Empty."),
        ({"version": 1.0}, "version", 'not the number 1.0: write "1.0", in quotes.'),
        ({"version": "1/0"}, "version", "Expected such as 1.0.0, not '1/0'."),
        ({"version": ".."}, "version", "Expected"),
        ({"category": "neural"}, "category", "did you mean 'neural_net'?"),
        ({"install": "yes"}, "install", "Expected true or false, not 'yes'."),
        ({"requirements": "numpy"}, "requirements", "Expected a list, not 'numpy'."),
        ({"requirements": ["numpy", 2]}, "requirements.1", "Expected a line of text"),
        ({"requirements": ["a\nb"]}, "requirements.0", "Expected a line of text"),
        ({"actions": {}}, "actions", "Empty."),
        ({"actions": ["train"]}, "actions", "Expected a mapping, not a list."),
        ({"actions": {"train": "x:y"}}, "actions.train", "Expected a mapping, not 'x:y'."),
        ({"actions": {"a b": {"entrypoint": "x:y"}}}, "actions.a b", "letters, digits"),
        ({"actions": {True: {"entrypoint": "x:y"}}}, "actions.True", "The key is true, not text"),
        ({"actions": {"train": {}}}, "actions.train.entrypoint", "Missing."),
        (
            {"actions": {"train": {"entrypoint": "train"}}},
            "actions.train.entrypoint",
            "Expected module:callable, such as plugin.train:run, or plugin.train.TrainAction, not",
        ),
        (
            {"actions": {"train": {"entrypoint": "../x:run"}}},
            "actions.train.entrypoint",
            "Expected module:callable",
        ),
        (
            {"actions": {"train": {"entrypiont": "a:b"}}},
            "actions.train.entrypiont",
            "did you mean 'entrypoint'?",
        ),
        (
            {"actions": {"train": {"entrypoint": "a:b", "parameters": [1]}}},
            "actions.train.parameters",
            "Expected a JSON Schema",
        ),
        (
            {"actions": {"train": {"entrypoint": "a:b", "parameters": {"type": "integr"}}}},
            "actions.train.parameters.type",
            "integr",
        ),
        (
            {
                "actions": {
                    "train": {
                        "entrypoint": "a:b",
                        "parameters": {"properties": {"x": {"$ref": "#/$defs/x"}}},
                    }
                }
            },
            "actions.train.parameters.properties.x.$ref",
            "leads nowhere",
        ),
        ({"desription": "x"}, "desription", "did you mean 'description'?"),
        ({"requirement": ["numpy"]}, "requirement", "did you mean 'requirements'?"),
        ({"requires": ["numpy"]}, "requires", "Expected a mapping, not a list."),
        ({"requires": {"pyhton": ">=3.12"}}, "requires.pyhton", "did you mean 'python'?"),
        ({"requires": {"python": "3.12"}}, "requires.python", "not '3.12'."),
        ({"requires": {"python": 3.12}}, "requires.python", 'write "3.12", in quotes.'),
        ({"env": "x"}, "env", "Expected a mapping"),
        ({"env": {"A B": "x"}}, "env.A B", "letters, digits and _"),
        ({"env": {"A": ["x"]}}, "env.A", "Expected text."),
        ({"resources": {"gpu": "one"}}, "resources.gpu", "not 'one'."),
        ({"resources": {"gpu": -1}}, "resources.gpu", "at least 0"),
        ({"resources": {"gpu": True}}, "resources.gpu", "not True"),
        (
            {"actions": {"train": {"entrypoint": "a:b", "resources": {"cpu": []}}}},
            "actions.train.resources.cpu",
            "Expected a number",
        ),
        (
            {"actions": {"train": {"entrypoint": "a:b", "method": "jobs"}}},
            "actions.train.method",
            "did you mean 'job'?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_path(changes: Any, path: str, reason: str) -> None:
    found = problems_of(config(**changes))

    assert any(reason in one for one in found[path]), found


def test_every_mistake_is_named_at_once() -> None:
    document = {"code": 1, "version": "1", "actions": {"a": {}, "b": {"entrypoint": "x"}}}

    assert set(problems_of(document)) == {
        "code",
        "name",
        "category",
        "actions.a.entrypoint",
        "actions.b.entrypoint",
    }


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_what_is_no_mapping(document: Any) -> None:
    assert list(problems_of(document)) == [""]


def test_one_mistake_is_one_line() -> None:
    with pytest.raises(PluginConfigError) as caught:
        PluginConfig.parse(config(install=1), source="config.json")

    assert str(caught.value) == ("config.json: install: Expected true or false, not the number 1.")


def test_code_and_version_must_be_those_of_the_plugin_and_the_release() -> None:
    assert PluginConfig.parse(config(), code="digits", version="1.0.0").code == "digits"

    found = problems_of(config(), code="letters", version="1.0.1")
    assert found == {
        "code": ["'digits' differs from the plugin's code 'letters'."],
        "version": ["'1.0.0' differs from the release's version '1.0.1'."],
    }


def test_an_action_is_found_by_name_or_because_it_is_the_only_one() -> None:
    one = PluginConfig.parse(config())
    two = PluginConfig.parse(
        config(actions={name: {"entrypoint": "a:b"} for name in ("train", "test")})
    )

    assert one.action().name == one.action("train").name == "train"
    with pytest.raises(UsageError, match="did you mean 'train'"):
        one.action("tarin")
    with pytest.raises(UsageError, match="The plugin has no action \\['train'\\]"):
        one.action(["train"])  # type: ignore[arg-type] # a mistake
    with pytest.raises(UsageError, match=r"Pass the action's name\. The plugin has: train, test"):
        two.action()
