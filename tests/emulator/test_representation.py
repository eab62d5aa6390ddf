"""Rows of a response are those that DRF would write, value by value."""

import json
import subprocess
import sys
import textwrap

import pytest

from .grown_database import GROW

_COMPARE = GROW + textwrap.dedent(r"""
    import re
    from unittest import mock
    from rest_flex_fields import FlexFieldsModelSerializer
    from rest_framework import serializers
    from rest_framework.request import Request
    from rest_framework.test import APIRequestFactory
    from types import SimpleNamespace
    from synapse.emulator.api import base
    from synapse.emulator.api.related_values import RelatedValues
    from synapse.emulator.api.representation import compile_rows
    from synapse.emulator.authentication import TokenAuthentication
    from synapse.emulator.urls import urlpatterns

    post("/tasks/", grow(2)[0])
    request = Request(APIRequestFactory(headers={
        "SYNAPSE-Access-Token": "Token " + folder.credentials().api_token
    }).get("/"), authenticators=[TokenAuthentication()])

    def find_classes(cls):
        for each in cls.__subclasses__():
            yield each
            yield from find_classes(each)

    DERIVE = FlexFieldsModelSerializer.get_fields

    def show_fields(kind):
        return {name: repr(field) for name, field in kind().fields.items()}

    def is_alone(kind):
        one, other = kind(), kind()
        for name, field in one.fields.items():
            others = other.fields[name]
            for attribute in ("child_relation", "child"):
                inner = getattr(field, attribute, field)
                if inner is getattr(others, attribute, others):
                    return False
                if inner is not field and inner.parent is not field:
                    return False
            if field is others or field.parent is not one:
                return False
        return True

    found = {"alone": []}
    for kind in set(find_classes(base.ResourceSerializer)):
        if not getattr(kind.Meta, "model", None):
            continue
        found["alone"].append([kind.__name__, is_alone(kind)])
        built = [show_fields(kind) for _ in range(2)]
        with mock.patch.object(base.ResourceSerializer, "get_fields", DERIVE):
            built.append(show_fields(kind))
        rows = kind.annotate(kind.Meta.model._default_manager.all())
        ours = kind(rows, many=True, context={"request": request}).data
        plain = kind(context={"request": request})
        theirs = [serializers.Serializer.to_representation(plain, row) for row in rows]
        RelatedValues.of(plain.context).fill(request)
        # A link's signature has the time.
        texts = [json.dumps(each, default=str) for each in (list(ours), theirs)]
        as_json = [json.loads(re.sub(r"signature=[^\"]+", "", text)) for text in texts]
        found[kind.__name__] = [len(theirs), *as_json, built]

    class OfNobody(serializers.Serializer):
        owner = serializers.CharField(source="owner.name", required=False)
        title = serializers.CharField()

    row, plain = SimpleNamespace(owner=None, title="t"), OfNobody()
    found["skipped"] = [compile_rows(plain)(row), plain.to_representation(row)]
    print(json.dumps(found))
""")


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    command = [sys.executable, "-c", _COMPARE, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def compared(printed):
    return {name: each for name, each in printed.items() if name not in ("skipped", "alone")}


def test_no_serializer_has_a_field_of_another(printed):
    assert len(printed["alone"]) > 20
    assert [name for name, is_alone in printed["alone"] if not is_alone] == []


def test_a_field_that_is_skipped(printed):
    assert printed["skipped"] == [{"title": "t"}, {"title": "t"}]


def test_rows_of_every_serializer(compared):
    assert {"TaskSerializer", "DataUnitSerializer", "JobSerializer"} <= {
        name for name, (count, *_) in compared.items() if count
    }
    for name, (_, ours, theirs, _) in compared.items():
        assert ours == theirs, name


def test_fields_of_every_serializer_are_those_that_the_model_makes(compared):
    for name, (*_, (first, again, derived)) in compared.items():
        assert first == again == derived, name
