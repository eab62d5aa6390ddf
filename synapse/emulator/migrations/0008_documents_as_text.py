"""On PostgreSQL, turn documents into text, which keeps the order of keys and every number."""

from typing import Any

from django.db import migrations, models


def _change_columns(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    quote = schema_editor.quote_name
    for model in apps.get_app_config("emulator").get_models():
        changes = [
            f"ALTER COLUMN {quote(field.column)} TYPE text USING {quote(field.column)}::text"
            for field in model._meta.local_fields
            if isinstance(field, models.JSONField)
        ]
        if changes:
            schema_editor.execute(f"ALTER TABLE {quote(model._meta.db_table)} {', '.join(changes)}")


class Migration(migrations.Migration):
    dependencies = [
        ("emulator", "0007_content_by_sha256"),
    ]

    operations = [
        migrations.RunPython(_change_columns, migrations.RunPython.noop),
    ]
