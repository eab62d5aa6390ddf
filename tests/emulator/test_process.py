import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from synapse.emulator import Emulator
from synapse.emulator.errors import EmulatorError

from .client import IMAGE, connect


def gone(pid: int, within: float = 60) -> bool:
    """Wait for a process that may be nobody's child any more to end."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            line = Path(f"/proc/{pid}/stat").read_text()
            if line.rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def test_a_restart_on_the_same_folder_finds_everything(tmp_path):
    emulator = Emulator(tmp_path / "data")
    with emulator:
        before = (emulator.api_token, emulator.agent_token, emulator.tenant)
        api = connect(emulator, emulator.api_token)
        with api.http:
            unit = api.unit(api.collection(IMAGE)["id"], image=b"pixels")
            task = api.task(api.project()["id"])
            upload = api.chunk(b"abc", 0, 6).json()
    assert not (tmp_path / "data" / "db.sqlite3-wal").exists()
    with emulator:
        assert (emulator.api_token, emulator.agent_token, emulator.tenant) == before
        api = connect(emulator, emulator.api_token)
        with api.http:
            assert api.get(f"tasks/{task['id']}/").json() == task
            image = api.get(f"data_units/{unit['id']}/").json()["files"]["image"]
            assert api.get(image["url"]).content == b"pixels"
            path = f"chunked_upload/{upload['id']}/"
            assert api.chunk(b"def", 3, 6, path).json()["offset"] == 6


def test_the_folder_is_for_its_owner_only(emulator):
    assert stat.S_IMODE(emulator.data.stat().st_mode) == 0o700
    credentials = emulator.data / "credentials.json"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600


def test_a_temporary_folder_is_removed_and_stop_can_be_repeated():
    emulator = Emulator()
    emulator.start()
    assert emulator.start() is emulator
    folder, pid = emulator.data, emulator.pid
    assert folder.is_dir()
    emulator.stop()
    emulator.stop()
    assert not folder.exists()
    assert gone(pid)
    with pytest.raises(EmulatorError, match="not running"):
        _ = emulator.url


def serve(*arguments: str, env=None) -> subprocess.Popen:
    code = textwrap.dedent("""
        import json, sys
        from pathlib import Path
        from synapse.emulator.server import serve
        serve(host="127.0.0.1", port=0, data_dir=Path(sys.argv[1]) if sys.argv[1:] else None,
              on_ready=lambda info: print(json.dumps([info.url, str(info.data)]), flush=True))
    """)
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_cleanly(number):
    with serve() as child:
        _, folder = json.loads(child.stdout.readline())
        assert Path(folder).is_dir()
        child.send_signal(number)
        assert child.wait(10) == 0
        assert child.stderr.read() == b""
        assert not Path(folder).exists()


def test_a_signal_in_the_middle_of_keep_alive_connections(tmp_path):
    with serve(str(tmp_path)) as child:
        url, _ = json.loads(child.stdout.readline())
        host, port = url.removeprefix("http://").split(":")
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
            child.terminate()
            assert child.wait(10) == 0
    assert not (tmp_path / "db.sqlite3-wal").exists()


def test_the_child_ends_when_its_parent_is_killed():
    code = textwrap.dedent("""
        import time
        from synapse.emulator import Emulator
        with Emulator() as emulator:
            print(emulator.pid, emulator.data, flush=True)
            time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        pid, folder = parent.stdout.readline().decode().split()
        assert Path(folder).is_dir()
        parent.kill()
        parent.wait(10)
    assert gone(int(pid))
    assert not Path(folder).exists()


def test_a_taken_port_is_one_clear_error(emulator):
    port = int(emulator.url.rpartition(":")[2])
    with pytest.raises(EmulatorError, match=rf"^Cannot listen on 127.0.0.1 port {port}: Address"):
        Emulator(port=port).start()


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 99999)])
def test_an_impossible_address_is_one_clear_error(host, port):
    with pytest.raises(EmulatorError, match=r"^[^\n]*\.$"):
        Emulator(host=host, port=port).start()


def test_a_data_folder_that_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(EmulatorError, match=r"is not a folder\.$"):
        Emulator(path).start()
    with pytest.raises(EmulatorError, match=r"cannot be written to: Not a directory\.$"):
        Emulator(path / "below").start()


def test_a_data_folder_has_one_server_at_a_time(tmp_path):
    with Emulator(tmp_path) as first:
        with pytest.raises(EmulatorError) as caught:
            Emulator(tmp_path).start()
        assert str(caught.value) == (
            f"The data folder {tmp_path} is in use by another local backend (process {first.pid}): "
            "stop that one, or choose another folder."
        )
    with Emulator(tmp_path) as second:
        os.kill(second.pid, signal.SIGKILL)
        second.stop()
    with Emulator(tmp_path) as third:
        assert third.api_token


@pytest.mark.sqlite
def test_a_database_that_is_none(tmp_path):
    (tmp_path / "db.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(EmulatorError, match=r"^The database cannot be opened: [^\n]+\.$"):
        Emulator(tmp_path).start()


def test_credentials_that_are_none(tmp_path):
    (tmp_path / "credentials.json").write_text("{}")
    with pytest.raises(EmulatorError, match="credentials file"):
        Emulator(tmp_path).start()


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "waitress", None)
    with pytest.raises(EmulatorError, match=r"waitress.*pip install .*\[emulator\]'"):
        Emulator().start()


def test_a_child_that_fails_shows_its_last_lines(monkeypatch, tmp_path):
    (tmp_path / "waitress.py").write_text("raise RuntimeError('broken on purpose')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EmulatorError, match="broken on purpose"):
        Emulator().start()


def test_a_child_that_is_not_ready_in_time_is_ended():
    with pytest.raises(EmulatorError, match=r"not ready within 0\.01 s"):
        Emulator(start_timeout=0.01).start()


@pytest.mark.sqlite
def test_the_settings_of_a_users_django_project_do_not_leak_in(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "their.settings")
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:1/theirs")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with Emulator() as emulator:
        assert (emulator.data / "db.sqlite3").exists()


def test_neither_the_package_nor_the_class_imports_django():
    code = """if True:
        import sys
        from synapse.emulator import Emulator
        Emulator()
        print('django' in sys.modules)
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_process_with_another_django_is_told_to_use_a_child():
    code = textwrap.dedent("""
        from django.conf import settings
        settings.configure()
        from synapse.emulator.errors import EmulatorError
        from synapse.emulator.server import serve
        try:
            serve(port=0)
        except EmulatorError as error:
            print(error)
    """)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "already runs a Django project" in run.stdout


def test_a_fault_is_500_in_json_and_its_traceback_is_in_the_log():
    with Emulator() as emulator:
        assert emulator.log == ""
        api = connect(emulator, emulator.api_token)
        with api.http:
            url = api.file(b"pixels")["url"]
            shutil.rmtree(emulator.data / "files")
            (emulator.data / "files").touch()
            response = api.request("POST", "data_files/", files={"file": ("b.png", b"other")})
            assert response.status_code == 500
            assert response.json() == {"detail": "Internal server error."}
            assert api.get(url).status_code == 404
        assert "NotADirectoryError" in emulator.log


@pytest.mark.parametrize("url", ["nonsense://x/y", "postgresql://nobody@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_reached_is_one_clear_error(url):
    with pytest.raises(EmulatorError, match=r"^The database cannot be opened: [^\n]+\.$"):
        Emulator(database_url=url).start()


def test_a_database_url_of_sqlite_keeps_what_several_writers_need(tmp_path):
    path = tmp_path / "own.db"
    with Emulator(database_url=f"sqlite:///{path}") as emulator:
        api = connect(emulator, emulator.api_token)
        with api.http:
            api.project()
        assert Path(f"{path}-wal").exists()
    assert path.exists()


@pytest.mark.slow
def test_the_wsgi_module_serves_a_folder(tmp_path):
    code = textwrap.dedent("""
        from synapse.emulator.wsgi import application
        from django.test import RequestFactory
        request = RequestFactory().get("/health/").environ
        print(application(request, lambda status, headers: print(status)).content)
    """)
    environment = {**os.environ, "SYNAPSE_EMULATOR_DATA": str(tmp_path / "data")}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert run.stdout.startswith("200 OK\n")
    assert (tmp_path / "data" / "db.sqlite3").exists()
