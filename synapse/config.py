"""Find the address and the credentials: in arguments, the environment or a profile.

Arguments beat the environment, which beats the profile. The profile file is
`$XDG_CONFIG_HOME/synapse/config.toml` (`~/.config/synapse/config.toml`):

```toml
[default]
base_url = "https://api.example.com"
api_token = "..."

[staging]
base_url = "https://staging.example.com"
token_command = "pass show synapse"
tenant = "vision"
```

Only the owner may read the file (mode 0600). `synapse login` writes such a file.

The last source is `~/.synapse/config.json`, where the platform's own client keeps a login.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from synapse._internal.field_repr import FieldRepr
from synapse._internal.fork import repair_in_child
from synapse._internal.page_addresses import check_template
from synapse._internal.server_url import checked_url
from synapse._internal.user_folders import expand_home
from synapse.errors import ConfigurationError
from synapse.profiles import (
    login_path,
    profile_path,
    read_login,
    read_profile,
    read_token_file,
    run_token_command,
    save_profile,
)

__all__ = [
    "CREDENTIALS",
    "HOST_VARIABLES",
    "TENANT_VARIABLES",
    "RenewableSecret",
    "Secret",
    "Settings",
    "Timeout",
    "TimeoutArgument",
    "TokenArgument",
    "file_variable",
    "profile_path",
    "resolve",
    "save_profile",
]

TokenArgument: TypeAlias = "str | os.PathLike[str] | Callable[[], str]"
TimeoutArgument: TypeAlias = "float | tuple[float, float] | Mapping[str, float] | None"

# Every kind of credential: its arguments, first the current name, and its environment variables, in
# the order of looking.
CREDENTIALS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "api_token": (("api_token", "access_token"), ("SYNAPSE_API_TOKEN", "SYNAPSE_ACCESS_TOKEN")),
    "authorization_token": (
        ("authorization_token", "token"),
        ("SYNAPSE_AUTHORIZATION_TOKEN", "SYNAPSE_PLUGIN_RUN_USER_TOKEN"),
    ),
    "agent_token": (("agent_token",), ("SYNAPSE_AGENT_TOKEN",)),
}
# The platform sets the second and third for a plugin's code.
HOST_VARIABLES = ("SYNAPSE_HOST", "SYNAPSE_PLUGIN_RUN_HOST")
TENANT_VARIABLES = ("SYNAPSE_TENANT", "SYNAPSE_PLUGIN_RUN_TENANT")
# In milliseconds, a bit less than poll() takes as a C int.
_LONGEST_WAIT = 2_000_000
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")


class Secret:
    """A credential that prints, logs and pickles as `***`.

    Args:
        value: The token.
        source: Origin of the token, such as `the environment variable SYNAPSE_API_TOKEN`.

    Example:
        >>> Secret("abc", "the argument api_token")
        Secret('***', from the argument api_token)
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str) -> None:
        if not isinstance(value, str) or not _HEADER_SAFE.fullmatch(value):
            # An HTTP library would refuse such a header later, and quote the header.
            raise ConfigurationError(
                f"The token from {source} is empty or has blanks, line ends or characters outside "
                "ASCII; copy it again."
            )
        self._value = value
        self.source = source

    @staticmethod
    def of(value: TokenArgument, source: str) -> Secret:
        """Return the credential of a text, or of a function or file with the text.

        Raises:
            ConfigurationError: The text can't be a token, or the source fails.
        """
        if isinstance(value, os.PathLike):
            return RenewableSecret(partial(read_token_file, value), f"the file {value}")
        return RenewableSecret(value, source) if callable(value) else Secret(value, source)

    @classmethod
    def find(cls, value: TokenArgument | None, kind: str) -> Secret:
        """Return a credential from an argument, else from the environment.

        Args:
            value: The argument.
            kind: Kind of the credential, such as `agent_token`.

        Raises:
            ConfigurationError: Neither has a credential.
        """
        if value is not None:
            return cls.of(value, f"the argument {kind}")
        found = _environment_credentials().get(kind)
        if found is None:
            (variable, *_) = CREDENTIALS[kind][1]
            raise ConfigurationError(
                f"No {kind}: give the argument, or set the environment variable {variable}."
            )
        return found

    def reveal(self) -> str:
        """Return the token itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret('***', from {self.source})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The only place where a token could slip into a pickle unnoticed.
        raise TypeError("A credential can't be pickled; a worker finds its own in its environment.")


class RenewableSecret(Secret):
    """A credential whose source, a function, is asked again when the token is refused.

    Args:
        ask: Returns the token.
        source: Origin of the token, for messages.

    Raises:
        ConfigurationError: The function fails, or returns no token.
    """

    __slots__ = ("__weakref__", "_ask", "_lock", "_renewals")

    def __init__(self, ask: Callable[[], str], source: str) -> None:
        self._ask = ask
        self._renewals = 0
        self._lock = threading.Lock()
        super().__init__(self._asked(source), source)
        repair_in_child(self)

    def renew(self, refused: str) -> None:
        """Ask for another token, unless another thread has done so, or does so now.

        Args:
            refused: The token that the server refused.

        Raises:
            ConfigurationError: The function fails, or returns no token.
        """
        renewals = self._renewals
        with self._lock:
            # Threads that waited for a source without news don't ask it one after the other.
            if self._value == refused and self._renewals == renewals:
                try:
                    self._value = Secret(self._asked(self.source), self.source).reveal()
                finally:
                    self._renewals += 1

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    def _asked(self, source: str) -> str:
        try:
            return self._ask()
        except ConfigurationError:
            raise
        except Exception as error:  # the user's function may raise anything
            # Without the error's text, which may have the token.
            raise ConfigurationError(
                f"The token from {source} is missing: the function raised "
                f"{type(error).__name__}. Correct the function, or pass a text."
            ) from None


@attrs.frozen(repr=False)
class Timeout(FieldRepr):
    """Timeouts in seconds: to connect, and for each read."""

    connect: float = 5.0
    read: float = 30.0

    @classmethod
    def of(cls, value: TimeoutArgument | Timeout) -> Timeout:
        """Build a timeout from an argument.

        Args:
            value: `None` for the default, one number for both, a pair `(connect, read)`, or a
                mapping `{"connect": 5, "read": 30}` with one or both keys.

        Raises:
            ConfigurationError: The value has another form, or isn't a number of seconds above 0 and
                below the system's limit. Waiting for ever isn't offered.
        """
        if isinstance(value, Timeout):
            return value
        default = cls()
        if value is None:
            return default
        if isinstance(value, Mapping):
            if unknown := set(value) - {"connect", "read"}:
                raise ConfigurationError(
                    f"timeout has no {sorted(map(str, unknown))}: it takes 'connect' and 'read'."
                )
            pair = (value.get("connect", default.connect), value.get("read", default.read))
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            pair = (value[0], value[1])
        elif isinstance(value, (int, float)):
            pair = (value, value)
        else:
            raise ConfigurationError(
                f"timeout is {value!r}: give seconds, a pair (connect, read), or a mapping with "
                "'connect' and 'read'."
            )
        for part in pair:
            if isinstance(part, bool) or not isinstance(part, (int, float)):
                raise ConfigurationError(f"timeout is {value!r}: {part!r} is not a number.")
            if not 0 < part <= _LONGEST_WAIT:  # false for NaN, too
                raise ConfigurationError(
                    f"timeout is {value!r}: seconds must be more than 0, and at most "
                    f"{_LONGEST_WAIT:,} ({_LONGEST_WAIT // 86_400} days)."
                )
        return cls(float(pair[0]), float(pair[1]))


@attrs.frozen(eq=False, repr=False)
class Settings(FieldRepr):
    """Checked settings of a session.

    Attributes:
        base_url: Scheme, host, port and path prefix, ending with `/`.
        credentials: The tokens by kind: `api_token`, `authorization_token`, `agent_token`.
        tenant: The tenant's code, or `None` for the token's own.
        timeout: Seconds to connect and to read.
        profile: Name of the requested profile, if any.
        url_host: Host of the files' URLs that the server shall sign, such as `internal`.
        sources: Origins of `base_url`, `tenant` and of the profile that was read, for messages.
        web_url: Template of the addresses of the platform's pages, if any.
    """

    base_url: str
    credentials: Mapping[str, Secret]
    tenant: str | None = None
    timeout: Timeout = attrs.field(factory=Timeout)
    profile: str | None = None
    url_host: str | None = None
    sources: Mapping[str, str] = attrs.field(factory=dict)
    web_url: str | None = None

    @property
    def profile_read(self) -> str | None:
        """Name of the profile that was read, which is `default` if none was requested."""
        return self.profile or ("default" if "profile" in self.sources else None)

    @property
    def source(self) -> str:
        """Origin of the credentials, for messages."""
        return " and ".join(secret.source for secret in self.credentials.values())


def resolve(
    base_url: str | None = None,
    api_token: TokenArgument | None = None,
    *,
    access_token: TokenArgument | None = None,
    authorization_token: TokenArgument | None = None,
    token: TokenArgument | None = None,
    agent_token: TokenArgument | None = None,
    tenant: str | None = None,
    timeout: TimeoutArgument = None,
    profile: str | None = None,
    url_host: str | None = None,
    web_url: str | None = None,
) -> Settings:
    """Work out the settings from arguments, the environment and files.

    Args:
        base_url: The server's address; else `SYNAPSE_BASE_URL`, else the profile's `base_url`, else
            `SYNAPSE_HOST`, which beats the profile for a token from the environment or the call,
            else that of the login.
        api_token: The API token, a function that returns the token, or the path of a file with the
            token, as for each kind of token; else `SYNAPSE_API_TOKEN`, else the file that
            `SYNAPSE_API_TOKEN_FILE` names, else the profile's.
        access_token: An alias of `api_token`.
        authorization_token: A login token of the older kind; else `SYNAPSE_AUTHORIZATION_TOKEN`.
        token: An alias of `authorization_token`.
        agent_token: An agent's token; else `SYNAPSE_AGENT_TOKEN`.
        tenant: The tenant's code; else `SYNAPSE_TENANT`.
        timeout: Seconds, see `Timeout.of`.
        profile: The profile's name; else `SYNAPSE_PROFILE`, else `default`.
        url_host: Host of the files' URLs; else `SYNAPSE_PLUGIN_RUN_URL_HOST`.
        web_url: Template of the addresses of the platform's pages; else `SYNAPSE_WEB_URL`.

    Returns:
        The settings. Makes no request.

    Raises:
        ConfigurationError: No base URL or no credential was found, or one is malformed.
    """
    arguments = {
        "api_token": api_token,
        "access_token": access_token,
        "authorization_token": authorization_token,
        "token": token,
        "agent_token": agent_token,
    }
    name = profile or os.environ.get("SYNAPSE_PROFILE") or None
    # A profile that is named in the call is an argument, too, and beats the environment.
    named = read_profile(name) if profile else {}
    url, url_source = base_url, "the argument base_url"
    if not url:
        url, url_source = named.get("base_url"), f"{profile_path()}"
    if not url:
        url, url_source = os.environ.get("SYNAPSE_BASE_URL"), "SYNAPSE_BASE_URL"
    credentials = _argument_credentials(arguments)
    if not credentials and not named:
        credentials = _environment_credentials()
    host, host_source = _find_variable(HOST_VARIABLES)
    if credentials and not named and not url:
        url, url_source = host, host_source
    # A profile from which nothing is needed isn't read: the profile may belong to another server or
    # another identity.
    values = named
    if not profile and (name is not None or not url or not credentials):
        values = read_profile(name)
    if not url:
        url, url_source = values.get("base_url"), f"{profile_path()}"
    if not url:
        url, url_source = host, host_source
    login: Mapping[str, str] = {}
    if name is None and (not url or not (credentials or _profile_has_token(values))):
        login = read_login()
    if not url:
        url, url_source = login.get("base_url"), f"{login_path()}"
    if not url:
        raise ConfigurationError(
            "No base URL. Give the argument base_url, set the environment variable "
            f"SYNAPSE_BASE_URL, or write base_url into the profile [{name or 'default'}] of "
            f"{profile_path()}, which `synapse login` does."
        )
    if not credentials:
        credentials = _profile_credentials(values, name)
        home = values.get("base_url")
        if credentials and home and checked_url(home, "the profile") != checked_url(url, ""):
            raise ConfigurationError(
                f"The token of the profile [{name or 'default'}] is for {home}, and isn't sent to "
                f"the base URL from {url_source}. Give api_token, or SYNAPSE_API_TOKEN, for that "
                "server."
            )
    if not credentials:
        credentials = _environment_credentials()
    if not credentials and (credentials := _login_credentials(login)):
        if checked_url(login["base_url"], f"{login_path()}") != checked_url(url, url_source):
            raise ConfigurationError(
                f"The token of {login_path()} is for {login['base_url']}, and isn't sent to the "
                f"base URL from {url_source}. Give api_token, or SYNAPSE_API_TOKEN, for that "
                "server."
            )
        values = login
    if not credentials:
        raise ConfigurationError(
            "No API token. Give the argument api_token, set the environment variable "
            f"SYNAPSE_API_TOKEN, or write api_token into the profile [{name or 'default'}] of "
            f"{profile_path()}."
        )
    code, tenant_source = tenant, "the argument tenant"
    if not code:
        code, tenant_source = _find_variable(TENANT_VARIABLES)
    if not code:
        code, tenant_source = values.get("tenant") or None, f"{profile_path()}"
        if login and values is login:
            tenant_source = f"{login_path()}"
    profile_source = "the argument profile" if profile else "SYNAPSE_PROFILE" if name else ""
    if not name and values and values is not login:
        profile_source = f"the default, in {profile_path()}"
    pages, pages_source = web_url, "the argument web_url"
    if not pages:
        pages, pages_source = _find_variable(("SYNAPSE_WEB_URL",))
    if not pages:
        pages, pages_source = values.get("web_url"), f"{profile_path()}"
    return Settings(
        base_url=checked_url(url, url_source),
        credentials=credentials,
        tenant=checked_tenant(code),
        timeout=Timeout.of(timeout),
        profile=name,
        url_host=url_host or os.environ.get("SYNAPSE_PLUGIN_RUN_URL_HOST") or None,
        sources={
            "base_url": url_source,
            **({"tenant": tenant_source} if code else {}),
            **({"profile": profile_source} if profile_source else {}),
        },
        web_url=check_template(pages, pages_source),
    )


def _find_variable(names: tuple[str, ...]) -> tuple[str | None, str]:
    """Return the first environment variable that is set, and its name."""
    return next(((value, name) for name in names if (value := os.environ.get(name))), (None, ""))


def _login_credentials(login: Mapping[str, str]) -> dict[str, Secret]:
    source = f"the login in {login_path()}"
    return {kind: Secret(login[kind], source) for kind in CREDENTIALS if login.get(kind)}


def _profile_has_token(profile: Mapping[str, Any]) -> bool:
    return any(profile.get(kind) for kind in (*CREDENTIALS, "token_command", "token_file"))


def file_variable(kind: str) -> str:
    """Return the environment variable that names the file with a kind of credential.

    Example:
        >>> file_variable("api_token")
        'SYNAPSE_API_TOKEN_FILE'
    """
    return f"{CREDENTIALS[kind][1][0]}_FILE"


def _argument_credentials(arguments: Mapping[str, TokenArgument | None]) -> dict[str, Secret]:
    """Read the credentials that were given.

    Credentials come from one level only, arguments or environment or profile: with a token as an
    argument, a forgotten variable must not send a second identity along.
    """
    found: dict[str, Secret] = {}
    for kind, (keywords, _) in CREDENTIALS.items():
        given = {name: arguments[name] for name in keywords if arguments[name] is not None}
        if len({id(value) if callable(value) else value for value in given.values()}) > 1:
            raise ConfigurationError(f"{' and '.join(keywords)} differ: give one of them.")
        for keyword, value in given.items():
            if value is not None and kind not in found:
                found[kind] = Secret.of(value, f"the argument {keyword}")
    return found


def _environment_credentials() -> dict[str, Secret]:
    found: dict[str, Secret] = {}
    for kind, (_, variables) in CREDENTIALS.items():
        for variable in variables:
            if kind not in found and (value := os.environ.get(variable)):
                found[kind] = Secret(value, f"the environment variable {variable}")
        if kind not in found and (value := os.environ.get(file_variable(kind))):
            found[kind] = Secret.of(Path(value), f"the environment variable {file_variable(kind)}")
    return found


def _profile_credentials(profile: Mapping[str, Any], name: str | None) -> dict[str, Secret]:
    source = f"the profile [{name or 'default'}] of {profile_path()}"
    found = {kind: Secret(profile[kind], source) for kind in CREDENTIALS if profile.get(kind)}
    command = profile.get("token_command")
    if command and "api_token" not in found:
        found["api_token"] = RenewableSecret(
            partial(run_token_command, command, source), f"token_command of {source}"
        )
    file = profile.get("token_file")
    if file and "api_token" not in found:
        if not isinstance(file, str):
            raise ConfigurationError(f"token_file of {source} is not a path. Write it as a text.")
        # A relative path is relative to the file that has it.
        path = profile_path().parent / expand_home(file)
        found["api_token"] = Secret.of(path, f"token_file of {source}")
    return found


def checked_tenant(code: Any) -> str | None:
    """Return the tenant's code as a header can carry the code, or `None` for the token's own."""
    if code is None or (isinstance(code, str) and _HEADER_SAFE.fullmatch(code)):
        return code
    raise ConfigurationError(
        "The tenant's code is empty or has blanks or characters outside ASCII."
    )
