"""Find files that look like credentials, before a release publishes them."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable

from synapse.errors import UsageError

__all__ = ["HEAD_SIZE", "find_credentials", "looks_like_credentials", "refuse_credentials"]

#: Bytes at the beginning of a file that are looked at.
HEAD_SIZE = 64 << 10

_MAX_SHOWN = 5
_FOLDERS = {".aws", ".azure", ".docker", ".gcloud", ".gnupg", ".kube", ".ssh", ".synapse", "gcloud"}
_NAMES = (
    ".env",
    ".env.*",
    "*.env",
    ".envrc",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".dockercfg",
    ".dockerconfigjson",
    ".s3cfg",
    ".boto",
    ".vault-token",
    ".databrickscfg",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ecdsa_sk",
    "id_ed25519",
    "id_ed25519_sk",
    "*.kdbx",
    "*.p12",
    "*.pfx",
    "*.ppk",
    "*.jks",
    "*.keystore",
    "credentials",
    "credentials.*",
    "*_credentials.json",
    "*-credentials.json",
    "client_secret*.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
    "secrets.json",
    "kaggle.json",
    "kubeconfig",
)
# Code and examples under such names.
_HARMLESS = ("*.py", "*.pyi", "*.md", "*.rst", "*.example", "*.sample", "*.template", "*.dist")
_EXAMPLES = ("example.env", "sample.env", "template.env", "example.*.env", ".env.example.*")
_KEYS = ("*.pem", "*.key")


def looks_like_credentials(name: str, read_head: Callable[[], bytes]) -> bool:
    """Return whether a file looks like credentials, by its path or its content.

    Args:
        name: Path in the release, with `/` between the parts.
        read_head: Returns the beginning of the file, at most `HEAD_SIZE` bytes.

    Example:
        >>> looks_like_credentials("conf/.env", lambda: b""), looks_like_credentials("a.py", bytes)
        (True, False)
    """
    *folders, own_name = name.casefold().split("/")
    if _fits(own_name, (*_HARMLESS, *_EXAMPLES)):
        return False
    if _fits(own_name, _NAMES) or not _FOLDERS.isdisjoint(folders):
        return True
    head = read_head()
    has_private_key = b"-----BEGIN " in head and b"PRIVATE KEY-----" in head
    if _fits(own_name, _KEYS):  # also of certificates, and of other programs
        return has_private_key or (
            b"-----BEGIN " not in head and not head.startswith(b"PK\x03\x04")
        )
    if own_name.endswith(".json"):
        return has_private_key and b'"private_key"' in head
    if own_name == ".npmrc":
        return b"_auth" in head or b"_password" in head
    # Behind a byte order mark, or the attributes that openssl writes before a key.
    begins = (b"-----BEGIN ", b"\xef\xbb\xbf-----BEGIN ")
    return has_private_key and any(line.startswith(begins) for line in head.splitlines())


def find_credentials(names: Iterable[str], read_head: Callable[[str], bytes]) -> list[str]:
    """Return the files of a release that look like credentials.

    Args:
        names: Paths of the files.
        read_head: Returns the beginning of a file.
    """
    return [name for name in names if looks_like_credentials(name, lambda: read_head(name))]  # noqa: B023 - called at once


def refuse_credentials(names: Iterable[str], read_head: Callable[[str], bytes]) -> None:
    """Refuse files of a release that look like credentials.

    Args:
        names: Paths of the files.
        read_head: Returns the beginning of a file.

    Raises:
        UsageError: A file looks like credentials; the message names the files.
    """
    found = find_credentials(names, read_head)
    if found:
        more = f" and {len(found) - _MAX_SHOWN} more" if len(found) > _MAX_SHOWN else ""
        raise UsageError(
            f"These files look like credentials: {', '.join(found[:_MAX_SHOWN])}{more}. Name them "
            "in .gitignore or remove them; pass allow_credentials=True to pack them anyway."
        )


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
