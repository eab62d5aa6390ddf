"""The pytest plugin, in runs of pytest on small projects."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from synapse._internal.installation import install_command

pytestmark = pytest.mark.slow

Run = Callable[..., "Outcome"]


class Outcome:
    """What a run of pytest said."""

    def __init__(self, result: subprocess.CompletedProcess[str]) -> None:
        self.code = result.returncode
        self.text = result.stdout + result.stderr

    def counts(self) -> dict[str, int]:
        last = self.text.strip().splitlines()[-1]
        return {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", last)}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """What writes a project and runs pytest on it; warnings are errors there."""

    def run(*options: str, environment: dict[str, str] | None = None, **files: str) -> Outcome:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -W error\n", encoding="utf-8")
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
        )
        return Outcome(result)

    return run


def test_each_test_has_a_tenant_of_its_own(run: Run) -> None:
    outcome = run(
        test_it="""
            import pytest
            from synapse import Project

            @pytest.mark.parametrize("round", range(3))
            def test_nothing_is_there(synapse_session, round):
                assert synapse_session.projects.count() == 0
                synapse_session.projects.create(title="Streets", category="image")
                assert Project.objects.count() == 1  # it is the default session

            seen = set()

            @pytest.mark.parametrize("round", range(3))
            def test_credentials(synapse_emulator, synapse_session, round):
                assert synapse_emulator.tenant not in seen
                seen.add(synapse_emulator.tenant)
                with synapse_emulator.session() as session:
                    assert session.me.id == synapse_session.me.id
                assert synapse_emulator.session(agent_token=synapse_emulator.agent_token)
        """
    )

    assert outcome.counts() == {"passed": 6}, outcome.text


def test_a_run_has_one_backend_which_ends_with_it(run: Run, tmp_path: Path) -> None:
    outcome = run(
        test_one="""
            from pathlib import Path

            def test_it(synapse_emulator):
                Path("one").write_text(str(synapse_emulator.emulator.pid))
        """,
        test_two="""
            from pathlib import Path

            def test_it(synapse_session, synapse_emulator, synapse_backend):
                assert synapse_backend is synapse_emulator.emulator
                assert str(synapse_backend.pid) == Path("one").read_text()
                Path("data").write_text(str(synapse_backend.data))
        """,
    )

    assert outcome.counts() == {"passed": 2}, outcome.text
    assert not Path((tmp_path / "data").read_text()).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "one").read_text()), 0)


def test_nothing_is_left_after_a_test(run: Run) -> None:
    outcome = run(
        test_it="""
            import pytest
            import synapse
            from synapse.errors import ConfigurationError, SessionClosed

            left = {}

            def test_first(synapse_session, synapse_emulator):
                synapse.connect("http://127.0.0.1:9", "another")
                left["session"] = synapse_session
                left["fault"] = synapse_emulator.fault("503", count=99)
                left["token"] = synapse_emulator.api_token

            def test_second(synapse_emulator):
                with pytest.raises(SessionClosed):
                    left["session"].projects.count()
                with pytest.raises(ConfigurationError):
                    synapse.Project.objects.count()
                with synapse.Session(synapse_emulator.url, left["token"], retries=0) as session:
                    assert session.projects.count() == 0
                assert left["fault"].served == 0
        """
    )

    assert outcome.counts() == {"passed": 2}, outcome.text


def test_project_says_which_class_its_sessions_have(run: Run) -> None:
    outcome = run(
        conftest="""
            import pytest
            from synapse import Session, Task

            class TeamTask(Task):
                pass

            class TeamSession(Session):
                resource_classes = (TeamTask,)

            @pytest.fixture(scope="session")
            def synapse_session_class():
                return TeamSession
        """,
        test_it="""
            from synapse import Session

            def test_it(synapse_session, synapse_emulator, synapse_session_class):
                assert type(synapse_session) is synapse_session_class
                assert synapse_session_class.__name__ == "TeamSession"
                assert type(synapse_emulator.session(retries=0)) is synapse_session_class
                assert type(synapse_emulator.session(Session)) is Session
        """,
    )

    assert outcome.counts() == {"passed": 1}, outcome.text


def test_the_projects_own_default_session_comes_back(run: Run) -> None:
    outcome = run(
        test_it="""
            import synapse
            from synapse.orm import session_base

            own = synapse.connect("http://127.0.0.1:9", "a-token")

            def test_first(synapse_session):
                assert session_base.default() is synapse_session

            def test_second():
                assert session_base.default() is own
        """
    )

    assert outcome.counts() == {"passed": 2}, outcome.text


LOADED = """
    import json, sys
    from pathlib import Path

    def test_it():
        Path("loaded.json").write_text(json.dumps(sorted(sys.modules)))
"""


def test_a_run_without_its_fixtures_loads_next_to_nothing(run: Run, tmp_path: Path) -> None:
    loaded = []
    for options in ([], ["-p", "no:synapse"]):
        assert run(*options, test_it=LOADED).counts() == {"passed": 1}
        loaded.append(set(json.loads((tmp_path / "loaded.json").read_text())))

    assert loaded[0] - loaded[1] == {
        "synapse",
        "synapse._internal",
        "synapse._internal.fork",
        "synapse._internal.lazy_import",
        "synapse._internal.moved",
        "synapse._public",
        "synapse._version",
        "synapse.testing",
        "synapse.testing.plugin",
    }


def test_a_missing_extra_is_one_sentence(run: Run) -> None:
    outcome = run(
        conftest="""
            import sys
            sys.modules["waitress"] = None
        """,
        test_it="""
            def test_with_it(synapse_session):
                pass

            def test_without_it():
                pass
        """,
    )

    assert outcome.counts() == {"passed": 1, "error": 1}
    assert install_command("emulator") in outcome.text
    assert "Traceback" not in outcome.text
    assert "plugin.py" not in outcome.text


def test_another_django_project_is_not_disturbed(run: Run) -> None:
    outcome = run(
        environment={"DJANGO_SETTINGS_MODULE": "theirs", "DATABASE_URL": "sqlite:///theirs.db"},
        theirs="""
            INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
            DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
            DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        """,
        conftest="""
            import django
            import pytest
            from django.db.backends.base.base import BaseDatabaseWrapper

            django.setup()

            @pytest.fixture(autouse=True)
            def no_database(monkeypatch):
                # As the usual plugin does for tests that don't ask for a database.
                def refuse(self):
                    raise RuntimeError("Database access not allowed")
                monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", refuse)
        """,
        test_it="""
            from django.apps import apps
            from django.conf import settings
            from django.contrib.auth.models import User
            from django.core.management import call_command
            from django.db import connection

            def test_without_a_database(synapse_session):
                assert synapse_session.projects.count() == 0

            def test_with_a_database(synapse_session, monkeypatch):
                monkeypatch.undo()
                call_command("migrate", verbosity=0)
                User.objects.create(username="somebody")
                synapse_session.projects.create(title="Streets", category="image")

                assert settings.SETTINGS_MODULE == "theirs"
                assert not apps.is_installed("synapse.emulator")
                assert "emulator_project" not in connection.introspection.table_names()
                assert (User.objects.count(), synapse_session.projects.count()) == (1, 1)
                connection.close()
        """,
    )

    assert outcome.counts() == {"passed": 2}, outcome.text


def test_faults_and_counted_requests(run: Run) -> None:
    outcome = run(
        test_it="""
            from synapse.testing import assert_num_requests

            def test_it(synapse_emulator, synapse_session):
                fault = synapse_emulator.fault("503", retry_after=0)
                with assert_num_requests(synapse_session, 2):
                    assert synapse_session.projects.count() == 0
                assert fault.served == 1

            def test_the_client(synapse_session):
                with assert_num_requests(synapse_session.client, 2):
                    synapse_session.client.list_projects()
        """
    )

    assert outcome.counts() == {"passed": 1, "failed": 1}
    assert "Expected 2 requests, but 1 were made." in outcome.text


def test_it_can_be_switched_off(run: Run) -> None:
    outcome = run("-p", "no:synapse", test_it="def test_it(synapse_session): pass\n")

    assert outcome.counts() == {"error": 1}
    assert "fixture 'synapse_session' not found" in outcome.text


def test_a_project_may_say_how_the_backend_is_made(run: Run) -> None:
    outcome = run(
        conftest="""
            import pytest
            from synapse.emulator import Emulator

            @pytest.fixture(scope="session")
            def synapse_backend(tmp_path_factory):
                with Emulator(data=tmp_path_factory.mktemp("own")) as emulator:
                    yield emulator
        """,
        test_it="""
            def test_it(synapse_session, synapse_emulator):
                assert synapse_session.projects.count() == 0
                assert synapse_emulator.emulator.data.name.startswith("own")
        """,
    )

    assert outcome.counts() == {"passed": 1}, outcome.text
