"""Objects of rows, compared with those that Django's own way makes."""

import json
import subprocess
import sys
import textwrap

from .grown_database import GROW

_COMPARE = GROW + textwrap.dedent("""
    from django.apps import apps
    from django.db import models
    from synapse.emulator.models.loading import LoadedModel

    post("/tasks/", grow(2)[0])

    def show(row):
        values = {k: repr(v) for k, v in vars(row).items() if k != "_state"}
        return [type(row).__name__, values, row._state.adding, row._state.db]

    found = {}
    for model in apps.get_app_config("emulator").get_models():
        ours = [show(row) for row in model.objects.all()]
        some = [show(row) for row in model.objects.only("pk")]
        replaced = LoadedModel.__dict__["from_db"]
        del LoadedModel.from_db
        theirs = [show(row) for row in model.objects.all()]
        fewer = [show(row) for row in model.objects.only("pk")]
        LoadedModel.from_db = replaced
        found[model.__name__] = [issubclass(model, LoadedModel), ours + some, theirs + fewer]
    print(json.dumps(found))
""")


def test_objects_of_rows_are_those_that_django_makes(tmp_path):
    command = [sys.executable, "-c", _COMPARE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"Task", "UnitFile", "Blob", "Token"} <= {
        name for name, (is_ours, rows, _) in found.items() if is_ours and rows
    }
    for name, (_, ours, theirs) in found.items():
        assert ours == theirs, name
