"""The profile file: its place, its access rights, reading and writing, the token command."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import ConfigurationError
from synapse.profiles import (
    delete_profile,
    login_path,
    profile_path,
    read_login,
    read_profile,
    read_profiles,
    read_token_file,
    run_token_command,
    save_profile,
)

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the profile file, and return its path."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def write(text: str) -> Path:
        path = tmp_path / "synapse" / "config.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return write


class TestPlace:
    def test_configuration_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

        assert profile_path() == tmp_path / "synapse" / "config.toml"

    @pytest.mark.parametrize("root", [None, ""])
    def test_below_home(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str | None
    ) -> None:
        monkeypatch.delenv("XDG_CONFIG_HOME")
        if root is not None:
            monkeypatch.setenv("XDG_CONFIG_HOME", root)
        monkeypatch.setenv("HOME", str(tmp_path))

        assert profile_path() == tmp_path / ".config" / "synapse" / "config.toml"

    def test_no_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # As in a container that runs under a user id without an account.
        monkeypatch.delenv("XDG_CONFIG_HOME")
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)

        assert profile_path().is_absolute()


class TestReading:
    TWO = '[default]\nbase_url = "http://one/"\n[staging]\nbase_url = "http://two/"\n'

    @pytest.mark.parametrize(
        ("name", "url"),
        [(None, "http://one/"), ("default", "http://one/"), ("staging", "http://two/")],
    )
    def test_profile(self, write: Write, name: str | None, url: str) -> None:
        write(self.TWO)

        assert read_profile(name) == {"base_url": url}

    def test_missing_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

        assert read_profile(None) == {}
        with pytest.raises(
            ConfigurationError, match=r"\[staging\] was asked for, but .* not exist"
        ):
            read_profile("staging")

    def test_folder_that_is_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "synapse").write_text("")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

        assert read_profile(None) == {}

    @pytest.mark.parametrize(
        ("text", "known"), [(f"top = 1\n{TWO}", r"\[default\], \[staging\]"), ("", "none")]
    )
    def test_missing_profile_is_an_error_if_named(
        self, write: Write, text: str, known: str
    ) -> None:
        write(text)

        with pytest.raises(
            ConfigurationError, match=rf"has no profile \[production\]; it has {known}\."
        ):
            read_profile("production")

    def test_missing_default_is_empty(self, write: Write) -> None:
        write('[staging]\nbase_url = "http://two/"\n')

        assert read_profile(None) == {}

    def test_default_must_be_a_section(self, write: Write) -> None:
        write("default = 1")

        with pytest.raises(ConfigurationError, match=r"has no profile \[default\]"):
            read_profile(None)

    def test_error_about_the_syntax_has_no_token(self, write: Write) -> None:
        path = write('[default]\napi_token = "the-secret"\nbase_url = the-secret\n')

        with pytest.raises(ConfigurationError) as caught:
            read_profile(None)

        assert str(caught.value).startswith(f"{path} is not valid TOML: ")
        assert "line 3" in str(caught.value)
        assert "the-secret" not in "".join(traceback.format_exception(caught.value))

    def test_not_text(self, write: Write) -> None:
        write("").write_bytes(b"\xff\xfe")

        with pytest.raises(ConfigurationError, match=r"config.toml can't be read: .*utf-8"):
            read_profile(None)

    @pytest.mark.parametrize("name", [None, "default"])
    def test_unreadable(self, write: Write, name: str | None) -> None:
        path = write("")
        path.unlink()
        path.mkdir()

        with pytest.raises(ConfigurationError, match=f"{path} can't be read: .*directory"):
            read_profile(name)

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o601])
    def test_file_that_others_can_use_is_refused(self, write: Write, mode: int) -> None:
        write(self.TWO).chmod(mode)

        with pytest.raises(ConfigurationError, match="chmod 600"):
            read_profile("staging")

    def test_python_3_10_needs_a_package(
        self, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("[default]")
        monkeypatch.setattr(sys, "version_info", (3, 10, 0))
        monkeypatch.setitem(sys.modules, "tomli", None)

        with pytest.raises(ConfigurationError, match="pip install tomli, or set"):
            read_profile(None)


class TestSaving:
    def test_for_the_owner_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "new"))
        one = {"base_url": "https://one.example", "api_token": "first"}

        save_profile("one", one)
        path = save_profile("two", {"base_url": "https://two.example"})

        assert path == profile_path()
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert list(path.parent.iterdir()) == [path]
        assert read_profile("one") == one
        assert read_profile("two") == {"base_url": "https://two.example"}

    def test_a_file_that_others_can_read_becomes_the_owners(self, write: Write) -> None:
        path = write("[one]")
        path.chmod(0o644)

        save_profile("two", {})

        assert path.stat().st_mode & 0o777 == 0o600

    def test_other_values_are_kept(self, write: Write) -> None:
        path = write('kept = 5\n[one]\ntoken_command = ["pass", "show"]\nverbose = true\n')
        text = (
            '"kept" = 5\n\n["one"]\n"token_command" = ["pass", "show"]\n"verbose" = true\n\n'
            '["two"]\n"base_url" = "https://two.example"\n'
        )

        for _ in range(2):
            save_profile("two", {"base_url": "https://two.example"})

            assert path.read_text() == text

    @pytest.mark.parametrize("value", ['"', "\\", "a\nb", "\x7f", "\x00", "é", "]", "[x]"])
    def test_any_text_comes_back(self, write: Write, value: str) -> None:
        write("")

        save_profile(value, {"tenant": value})

        assert read_profile(value) == {"tenant": value}

    @pytest.mark.parametrize("value", ["{a = 1}", "2020-01-01", "inf", "[[1]]"])
    def test_file_whose_values_would_be_lost_stays(self, write: Write, value: str) -> None:
        path = write(f"[one]\nx = {value}\n")
        before = path.read_text()

        with pytest.raises(ConfigurationError, match="change it by hand"):
            save_profile("two", {"base_url": "https://two.example"})

        assert path.read_text() == before
        assert list(path.parent.iterdir()) == [path]

    def test_half_a_surrogate_pair_leaves_no_file(self, write: Write) -> None:
        path = write("[one]\n")

        with pytest.raises(ConfigurationError, match=f"{path} can't be written"):
            save_profile("two", {"api_token": "\ud800"})

        assert path.read_text() == "[one]\n"
        assert list(path.parent.iterdir()) == [path]

    def test_a_link_stays_one(self, write: Write, tmp_path: Path) -> None:
        path = write('["one"]\napi_token = "first"\n')
        real = tmp_path / "dotfiles.toml"
        path.rename(real)
        path.symlink_to(real)

        delete_profile("one")

        assert path.is_symlink()
        assert real.read_text() == ""

    def test_logins_at_once_lose_nothing(self, write: Write) -> None:
        path = write("")
        names = [f"profile-{number}" for number in range(8)]

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: save_profile(name, {"tenant": name}), names))

        assert sorted(read_profiles()) == names
        assert list(path.parent.iterdir()) == [path]

    def test_the_rest_of_a_killed_login_goes(self, write: Write) -> None:
        path = write("")
        path.with_name(f".{path.name}.new").write_text('api_token = "left"')

        save_profile("one", {})

        assert list(path.parent.iterdir()) == [path]


class TestOddFiles:
    """Neither a pipe nor a device nor a huge file makes reading wait, or takes memory."""

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda path: os.mkfifo(path, 0o600), "not a regular file"),
            (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
            (lambda path: path.mkdir(), "Is a directory"),
            (lambda path: path.write_bytes(b"#" * (1 << 21)), "larger than"),
        ],
    )
    def test_odd_files(self, write: Write, make: Callable[[Path], Any], reason: str) -> None:
        path = write("")
        path.unlink()
        make(path)

        with pytest.raises(ConfigurationError, match=reason):
            read_profile(None)
        with pytest.raises(ConfigurationError, match=reason):
            save_profile("one", {})

    def test_an_odd_login_of_the_platform(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "config.json"
        os.mkfifo(path)
        monkeypatch.setattr("synapse.profiles.login_path", lambda: path)

        with pytest.raises(ConfigurationError, match="not a regular file"):
            read_login()

    def test_a_number_of_too_many_digits(self, write: Write) -> None:
        write(f"[default]\nx = {'9' * 5000}\n")

        with pytest.raises(ConfigurationError, match="is not valid TOML"):
            read_profile(None)


class TestTokenCommand:
    @pytest.mark.parametrize(
        ("command", "token"),
        [
            ("echo a-token", "a-token"),
            (["echo", "a-token"], "a-token"),
            (["printf", " a-token \nsecond\n"], "a-token"),
            ("echo a;b", "a;b"),
            ("echo '$HOME'", "$HOME"),
        ],
        ids=["line", "list", "first line", "no separator", "no variable"],
    )
    def test_token_is_the_first_line(self, command: Any, token: str) -> None:
        assert run_token_command(command, "the profile") == token

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            ("false", r"failed \(exit code 1\): it printed nothing"),
            ("true", r"failed \(exit code 0\): it printed nothing"),
            ("sh -c 'echo one >&2; echo two >&2; exit 3'", r"failed \(exit code 3\): two"),
            ("/no/such/program", "can't be run: FileNotFoundError"),
            (7, "is a command line, or a list of it"),
            (["echo", 7], "is a command line, or a list of it"),
            ([], "is a command line, or a list of it"),
            (" ", "is a command line, or a list of it"),
            ('pass "show', "is not a valid command line: No closing quotation"),
            ("a\x00b", "can't be run: ValueError"),
            (["printf", r"\377\376"], "can't be run: UnicodeDecodeError"),
        ],
    )
    def test_failure_names_the_source(self, command: Any, reason: str) -> None:
        with pytest.raises(ConfigurationError, match=f"token_command of the profile {reason}"):
            run_token_command(command, "the profile")


class TestLogin:
    def test_place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))

        assert login_path() == tmp_path / ".synapse" / "config.json"

    def test_no_login(self) -> None:
        assert read_login() == {}

    def test_file_that_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("synapse.profiles.login_path", lambda: tmp_path)

        with pytest.raises(ConfigurationError, match="can't be read"):
            read_login()

    def test_words_of_a_profile(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "config.json"
        path.write_text('{"host": "http://h", "access_token": "a", "tenant": "t", "agent": {}}')
        monkeypatch.setattr("synapse.profiles.login_path", lambda: path)

        assert read_login() == {"base_url": "http://h", "api_token": "a", "tenant": "t"}


class TestAll:
    def test_every_profile_is_read(self, write: Write) -> None:
        write('plain = 1\n[a]\nbase_url = "http://a"\n[b]\n')
        assert read_profiles() == {"a": {"base_url": "http://a"}, "b": {}}

    def test_without_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert read_profiles() == {}

    def test_file_that_others_can_read(self, write: Write) -> None:
        write("[a]").chmod(0o644)
        with pytest.raises(ConfigurationError, match="chmod 600"):
            read_profiles()

    def test_one_is_removed_and_the_others_stay(self, write: Write) -> None:
        path = write('[a]\nbase_url = "http://a"\n[b]\nbase_url = "http://b"\n')
        assert delete_profile("a") == path
        assert read_profiles() == {"b": {"base_url": "http://b"}}
        assert path.stat().st_mode & 0o077 == 0


class TestTokenFile:
    @pytest.mark.parametrize("content", [b"a-token", b"  a-token\r\n\n", b"\xef\xbb\xbfa-token\n"])
    def test_blanks_around_the_token_are_left_out(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "token"
        path.write_bytes(content)
        assert read_token_file(path) == "a-token"

    def test_a_missing_one_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        with pytest.raises(ConfigurationError, match=rf"file {path} can't be read: No such file"):
            read_token_file(path)

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="can't be read"):
            read_token_file(tmp_path)

    def test_a_huge_one_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_bytes(b"secret" * 20_000)
        with pytest.raises(ConfigurationError, match="more than 65,536 bytes") as caught:
            read_token_file(path)
        assert "secretsecret" not in str(caught.value)

    def test_one_that_is_being_replaced_is_read_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "token"
        path.touch()
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                path.write_text("a-token")

        monkeypatch.setattr("synapse.profiles.time.sleep", pause)
        assert read_token_file(path) == "a-token"
        assert pauses == [0.0, 0.05]

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
    def test_pipes_are_read_and_get_a_limited_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("synapse.profiles._LONGEST_PIPE", 0.01)
        path = tmp_path / "token"
        os.mkfifo(path)

        assert read_token_file(path) == ""  # nobody has opened it
        both = os.open(path, os.O_RDWR)  # a writer that stays
        with pytest.raises(ConfigurationError, match="nobody writes to the pipe"):
            read_token_file(path)
        os.write(both, b"a-token\n")
        with pytest.raises(ConfigurationError, match="nobody writes to the pipe"):
            read_token_file(path)  # the end is missing
        os.close(both)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
    def test_a_pipe_that_is_closed_has_the_token(self) -> None:
        read_end, write_end = os.pipe()
        os.write(write_end, b"a-token\n")
        os.close(write_end)
        try:
            assert read_token_file(f"/dev/fd/{read_end}") == "a-token"
        finally:
            os.close(read_end)
