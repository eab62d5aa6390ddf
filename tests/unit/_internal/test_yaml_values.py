"""What PyYAML makes of the SDK's values."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml

import synapse
from synapse import FileSpecification, FileType, TaskStatus
from synapse._internal.yaml_values import write_as
from synapse.clients.agent.ray_state import Listing
from synapse.clients.page import Page
from synapse.orm.tracked import read_only, tracked

NESTED = {"b": [1, {"c": None}], "a": "x"}
COUNTS = ("total", "num_filtered", "num_after_truncation")
SPECIFICATION = FileSpecification(name="image", file_type=FileType.IMAGE, extra={"x": 1})

TABLE: list[tuple[Any, Any]] = [
    (tracked(NESTED, lambda: None), NESTED),
    (tracked([NESTED], lambda: None), [NESTED]),
    (read_only(NESTED, "", ""), NESTED),
    (read_only([NESTED], "", ""), [NESTED]),
    (TaskStatus.PENDING, "pending"),
    ({TaskStatus.PENDING: [FileType.IMAGE]}, {"pending": ["image"]}),
    (Page({"count": 1, "results": [NESTED]}), {"count": 1, "results": [NESTED]}),
    (Listing({"result": [NESTED], **dict.fromkeys(COUNTS, 1)}, "jobs"), [NESTED]),
    ([SPECIFICATION], [SPECIFICATION.__synapse_json__() | {"file_type": "image"}]),
]


class Dumper(yaml.SafeDumper):
    """As programs have one: with a list of types of its own."""


Dumper.add_multi_representer(set, Dumper.represent_list)


@pytest.mark.parametrize(("value", "plain"), TABLE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("dumper", ["SafeDumper", "Dumper", "CSafeDumper", "own"])
def test_values_are_written_as_plain_ones(value: Any, plain: Any, dumper: str) -> None:
    cls = Dumper if dumper == "own" else getattr(yaml, dumper)
    text = yaml.dump(value, Dumper=cls, sort_keys=False)
    assert text == yaml.dump(_plain(plain), Dumper=cls, sort_keys=False)
    assert yaml.safe_load(text) == plain


def test_an_own_list_of_types_learns_of_later_classes() -> None:
    class Later(dict[str, Any]):
        pass

    write_as(Later, dict)
    assert yaml.dump(Later(a=1), Dumper=Dumper) == "a: 1\n"
    assert yaml.safe_dump([Later(a=1)]) == "- a: 1\n"


@pytest.mark.parametrize(
    "imports",
    ["import yaml, synapse", "import synapse, yaml", "from synapse import TaskStatus; import yaml"],
)
def test_the_order_of_imports_does_not_matter(imports: str) -> None:
    program = f"""{imports}
import sys, synapse
from synapse.orm.tracked import TrackedDict
before = yaml.__spec__.loader, yaml.__loader__
print(yaml.safe_dump([TrackedDict(a=1), synapse.TaskStatus.PENDING]))
assert type(before[0]) is type(before[1]) and "synapse" not in type(before[0]).__module__
assert not [finder for finder in sys.meta_path if "synapse" in type(finder).__module__]
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "- a: 1\n- pending", done.stderr


def test_without_pyyaml_nothing_is_imported() -> None:
    program = """
import sys
import synapse.orm.tracked
assert "yaml" not in sys.modules
sys.path[:] = []
try:
    import yaml
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "No module named 'yaml'", done.stderr


def test_fields_and_answers_of_a_server(session: synapse.Session, project: synapse.Project) -> None:
    project.settings = {"nested": NESTED}
    project.save().refresh()
    page = session.client.list_projects()

    assert yaml.safe_load(yaml.safe_dump(project.settings)) == {"nested": NESTED}
    assert yaml.safe_load(yaml.safe_dump(page)) == page
    assert yaml.safe_load(yaml.safe_dump(project.category)) == "text"
    assert yaml.safe_load(yaml.safe_dump(project.extra)) == project.extra


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
