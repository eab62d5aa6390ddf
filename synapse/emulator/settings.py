"""Django settings; the environment names the folder and the database."""

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url

from synapse.emulator.folder import DATA_VARIABLE, DATABASE_VARIABLE, DataFolder

# Type checkers and `makemigrations` import this module too, with no folder: nothing is made here.
_data = os.environ.get(DATA_VARIABLE)
_folder = DataFolder(Path(_data or "."))

DEBUG = False
SECRET_KEY = _folder.credentials().secret_key if _data else secrets.token_urlsafe(48)
ALLOWED_HOSTS = ["*"]  # any host name: tokens guard the server, not cookies
INSTALLED_APPS = ["rest_framework", "synapse.emulator"]
MIDDLEWARE = [
    "synapse.emulator.middleware.EnvelopeMiddleware",
    "synapse.emulator.outages.OutageMiddleware",
    "synapse.emulator.fault_answers.FaultMiddleware",
    "synapse.emulator.behaviour_answers.BehaviourMiddleware",
]
ROOT_URLCONF = "synapse.emulator.urls"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

_SQLITE: dict[str, Any] = {
    "ENGINE": "synapse.emulator.sqlite",
    "NAME": str(_folder.database) if _data else ":memory:",
    # A request's thread keeps the connection: opening one costs more than most queries.
    "CONN_MAX_AGE": None,
    "OPTIONS": {
        "timeout": 20,
        # A transaction takes the write lock at the beginning, and waits there instead of failing
        # half-way with "database is locked".
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
            "PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY;"
        ),
    },
}
_url = os.environ.get(DATABASE_VARIABLE)
# Checked once for each request: a restart of the database server leaves broken connections.
_database: dict[str, Any] = (
    dict(dj_database_url.parse(_url, conn_max_age=600, conn_health_checks=True))
    if _url
    else _SQLITE
)
if _database["ENGINE"] in (_SQLITE["ENGINE"], "django.db.backends.sqlite3"):
    _database = {**_SQLITE, "NAME": _database["NAME"]}
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _options = {"connect_timeout": 10, "application_name": "synapse-emulator"}
    _database["OPTIONS"] = {**_options, **_database.get("OPTIONS", {})}
DATABASES = {"default": _database}

MEDIA_ROOT = str(_folder.path)
FILE_UPLOAD_TEMP_DIR = str(_folder.incoming) if _data else None
FILE_UPLOAD_PERMISSIONS = 0o600
DRF_CHUNKED_UPLOAD_PATH = "incoming"

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["synapse.emulator.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "synapse.emulator.job_scope.WithinJobScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "synapse.emulator.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_FILTER_BACKENDS": [
        "synapse.emulator.filters.ModelFilterBackend",
        "synapse.emulator.filters.BoundedSearchFilter",
        "synapse.emulator.filters.StableOrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "synapse.emulator.pagination.Pagination",
    "EXCEPTION_HANDLER": "synapse.emulator.errors_json.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Relation paths are walked recursively: without a bound, one long URL would overflow the stack.
REST_FLEX_FIELDS = {"MAXIMUM_EXPANSION_DEPTH": 4}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        # Refused requests are answers, not events: only faults are worth a line.
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "ERROR"},
        "waitress.queue": {"level": "ERROR"},
    },
}
