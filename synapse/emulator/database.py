"""The server's claim to its database: whose tables it has, and which server uses it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from synapse._internal import log_events
from synapse.emulator.errors import EmulatorError
from synapse.emulator.folder import hold_lock

__all__ = ["describe_database", "hold_database", "prepare_tables", "refuse_foreign_tables"]

_OURS = "emulator_"
_MIGRATIONS = "django_migrations"
# The first key of the advisory lock; the second is the schema.
_LOCK_CLASS = 0x53594E41
_CHECK_INTERVAL = 5.0
# Each table with text columns whose collation isn't "C", and the changes that set "C".
_FIND_TEXTS = """
    SELECT quote_ident(relname), string_agg(format(
        'ALTER COLUMN %%I TYPE %%s COLLATE pg_catalog."C"',
        attname, format_type(atttypid, atttypmod)), ', ')
    FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname LIKE %s
        AND attnum > 0 AND NOT attisdropped
        AND attcollation NOT IN (0, 'pg_catalog."C"'::regcollation)
    GROUP BY relname
"""


def describe_database() -> str:
    """Return the database's address, without a password."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    user = f"{values['USER']}@" if values["USER"] else ""
    port = f":{values['PORT']}" if values["PORT"] else ""
    return f"{connection.vendor}://{user}{values['HOST'] or 'localhost'}{port}/{values['NAME']}"


def refuse_foreign_tables() -> None:
    """Check that the database is empty, or the local backend's alone.

    Raises:
        EmulatorError: The database has tables of something else.
    """
    names = connection.introspection.table_names()
    foreign = sorted(name for name in names if not name.startswith(_OURS))
    if _MIGRATIONS in foreign:
        foreign.remove(_MIGRATIONS)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT app FROM {_MIGRATIONS} WHERE app <> 'emulator'")  # noqa: S608 - a constant
            foreign += [f"{_MIGRATIONS} of {app}" for (app,) in cursor.fetchall()]
    if foreign:
        examples = ", ".join(foreign[:3]) + (", ..." if len(foreign) > 3 else "")
        raise EmulatorError(
            f"The database {describe_database()} has tables of another project ({examples}). "
            "Choose an empty database, or allow this one with --share-database "
            "(share_database=True in Python)."
        )


def prepare_tables() -> None:
    """Create the tables in an empty database, or bring those of an older version up to date."""
    loader = MigrationLoader(connection)
    # Elsewhere a migration gives columns another type than Django's.
    if connection.vendor != "sqlite" or any(
        name.startswith(_OURS) for name in connection.introspection.table_names()
    ):
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        if connection.vendor == "postgresql":
            _order_by_code_points()
        return
    # Going through all migrations takes four times as long: after each step Django makes its
    # classes of all models anew.
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    with connection.schema_editor() as editor:
        for model in loader.project_state().apps.get_models():
            editor.create_model(model)
        for app, name in loader.graph.nodes:
            recorder.record_applied(app, name)


def _order_by_code_points() -> None:
    """Let PostgreSQL order and compare texts as SQLite does, whatever the database's language."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND_TEXTS, [f"{_OURS}%"])
        for table, changes in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} {changes}")


@contextlib.contextmanager
def hold_database(stop: Callable[[], None]) -> Iterator[None]:
    """Keep a second server out of the database, which would end this one's jobs.

    A database without such locks, or on a file system without locks, isn't held.

    Args:
        stop: Called when another server took the database while its connection was broken.

    Raises:
        EmulatorError: Another server uses the database.
    """
    if connection.vendor == "sqlite":
        path = Path(connection.settings_dict["NAME"]).resolve()
        with hold_lock(path.with_name(f"{path.name}.lock"), *_subject()):
            yield
    elif connection.vendor == "postgresql":
        with _hold_server(stop):
            yield
    else:
        yield


@contextlib.contextmanager
def _hold_server(stop: Callable[[], None]) -> Iterator[None]:
    """Hold an advisory lock, which lives as long as its connection."""
    holder = connections.create_connection("default")
    holder.inc_thread_sharing()  # the watching thread uses the connection
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(_CHECK_INTERVAL):
            if not _is_still_ours(holder):
                log_events.EMULATOR_REPLACED.log("%s This server ends.", _in_use())
                stop()
                return

    if not _try_lock(holder):
        holder.close()
        raise _in_use()
    watcher = threading.Thread(target=watch, name="synapse-emulator-lock", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
        holder.close()


def _is_still_ours(holder: Any) -> bool:
    """Return whether no other server has the lock; a broken connection is opened again."""
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        holder.close()
        with contextlib.suppress(DatabaseError):  # the database is still away
            return _try_lock(holder)
    return True


def _try_lock(holder: Any) -> bool:
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(current_schema()))", [_LOCK_CLASS])
        (is_taken,) = cursor.fetchone()
    if is_taken is None:
        raise EmulatorError(
            f"The database {describe_database()} has no schema of its search_path. Create the "
            "schema, or correct the search_path."
        )
    return bool(is_taken)


def _subject() -> tuple[str, str]:
    return f"The database {describe_database()}", "database"


def _in_use() -> EmulatorError:
    subject, kind = _subject()
    return EmulatorError(
        f"{subject} is in use by another local backend: stop that one, or choose another {kind}."
    )
