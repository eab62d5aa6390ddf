"""Zips of releases."""

import pytest

from .releasing import release, zipped


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


def test_yaml_is_read_where_there_is_a_parser(api, plugin):
    pytest.importorskip("yaml")
    text = "code: x\nwhen: 2024-05-06\n1: {a: [1, 2.5, null]}\n"
    made = release(api, plugin["id"], content=zipped(config__yaml=text)).json()
    assert made["config"] == {"code": "x", "when": "2024-05-06", "1": {"a": [1, 2.5, None]}}


@pytest.mark.parametrize(
    "content",
    [
        b"no zip",
        zipped()[:10],
        b"PK\x05\x06" + b"\xff" * 18,
        zipped(config__json="{"),
        zipped(config__json="[1]"),
        zipped(config__json="[" * 100_000),
        zipped(config__json='{"a": NaN}'),
        zipped(config__json='{"a": "\\u0000"}'),
        zipped(config__json='{"a": "\\ud800"}'),
        zipped(config__json=" " * (2 << 20)),
        zipped(config__yaml="a: [", config__json="{"),
        zipped(config__yaml="a: &a [*a]", config__json="{"),
        zipped(config__yaml=bomb(), config__json="{"),
        zipped(config__yaml="a: 0001-99-99", config__json="{"),
        zipped(config__yaml="? [a, b]\n: c", config__json="{"),
    ],
)
def test_a_release_that_is_no_good_zip(api, plugin, content):
    response = release(api, plugin["id"], content=content)
    assert (response.status_code, list(response.json())) == (400, ["file"])
    assert api.ids("plugin_releases/") == []
