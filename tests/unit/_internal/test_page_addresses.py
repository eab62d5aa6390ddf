"""Templates of the platform's pages."""

from __future__ import annotations

from typing import Any

import pytest

from synapse._internal.page_addresses import check_template, fill_template
from synapse.errors import ConfigurationError


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("https://app.example.com", "it has no {id}"),
        ("https://app.example.com/{name}/{id}", "it has {name}, and may have {kind}, {id}"),
        ("https://app.example.com/{}/{id}", "it has {}, and"),
        ("https://app.example.com/{id.__class__}", "it has {id.__class__}"),
        ("https://app.example.com/{id!r}", "it has {id}"),
        ("https://app.example.com/{id:>99999}", "it has {id}"),
        ("https://{tenant}.example.com/{id}", "name a host"),
        ("javascript:alert({id})", "begin with http"),
        ("/tasks/{id}", "begin with http"),
        ("https://me:secret@app.example.com/{id}", "must not carry a user"),
        ("https://app.example.com/{id", "isn't a template"),
        (5, "isn't a template"),
    ],
)
def test_other_templates_are_refused(template: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_template(template, "SYNAPSE_WEB_URL")

    assert problem in str(caught.value)
    assert "from SYNAPSE_WEB_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("template", [None, ""])
def test_nothing_is_no_template(template: str | None) -> None:
    assert check_template(template, "") is None


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("http://a/{kind}/{id}", {"kind": "jobs", "id": "a b/c"}, "http://a/jobs/a%20b%2Fc"),
        ("http://a/{project}/{id}", {"id": 5}, None),
        ("http://a/{project}/{id}", {"id": 5, "project": 0}, "http://a/0/5"),
        ("http://a/{{x}}/{id}", {"id": 5}, "http://a/{x}/5"),
    ],
)
def test_values_are_filled_in(template: str, values: dict[str, Any], expected: str | None) -> None:
    assert fill_template(template, **values) == expected
