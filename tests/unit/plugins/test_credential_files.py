"""Files that look like credentials."""

from __future__ import annotations

import pytest

from synapse.errors import UsageError
from synapse.plugins.credential_files import looks_like_credentials, refuse_credentials

PRIVATE = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB"
ACCOUNT = b'{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMII"}'


@pytest.mark.parametrize(
    ("name", "head"),
    [
        (".env", b""),
        ("conf/.ENV", b""),
        (".env.local", b""),
        ("prod.env", b""),
        (".envrc", b""),
        (".aws/credentials", b""),
        (".aws/config", b""),
        ("home/.ssh/config", b""),
        (".kube/config", b""),
        (".docker/config.json", b""),
        (".config/gcloud/access_tokens.db", b""),
        (".synapse/config.json", b""),
        (".netrc", b""),
        (".pypirc", b""),
        (".git-credentials", b""),
        ("id_rsa", b""),
        ("keys/id_ed25519", b""),
        ("server.key", b"x"),
        ("server.pem", PRIVATE),
        ("all.pem", CERTIFICATE + PRIVATE),
        ("store.p12", b""),
        ("store.jks", b""),
        ("vault.kdbx", b""),
        ("credentials.json", b"{}"),
        ("client_secret_1.json", b"{}"),
        ("kaggle.json", b"{}"),
        (".streamlit/secrets.toml", b""),
        (".npmrc", b"//registry/:_authToken=x"),
        ("deploy", b"\n" + PRIVATE),
        ("account.json", ACCOUNT),
    ],
)
def test_credentials(name: str, head: bytes) -> None:
    assert looks_like_credentials(name, lambda: head)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("plugin/train.py", b"import os"),
        ("environment.py", b""),
        (".env.example", b""),
        (".env.template", b""),
        ("example.env", b""),
        ("env/settings.yaml", b""),
        ("credentials.py", b""),
        ("docs/credentials.md", b""),
        ("id_rsa.pub", b"ssh-rsa AAAA"),
        ("ca.pem", CERTIFICATE),
        ("public.key", b"-----BEGIN PUBLIC KEY-----"),
        ("slides.key", b"PK\x03\x04"),
        ("keys.txt", b"see -----BEGIN PRIVATE KEY-----"),
        ("test_keys.py", b'KEY = """-----BEGIN PRIVATE KEY-----'),
        (".npmrc", b"registry=https://registry"),
        ("config.json", b'{"private_key": null}'),
        ("tokenizer.json", b"{}"),
        (".docker", b""),
        ("docker/config.json", b"{}"),
    ],
)
def test_other_files(name: str, head: bytes) -> None:
    assert not looks_like_credentials(name, lambda: head)


def test_refusal_names_the_files_and_what_to_do() -> None:
    refuse_credentials(["a.py", "b.txt"], lambda name: b"")

    with pytest.raises(UsageError, match=r"credentials: \.env, b/deploy\. Name them in .gitignore"):
        refuse_credentials(["a.py", ".env", "b/deploy"], {"a.py": b"", "b/deploy": PRIVATE}.get)  # type: ignore[arg-type] # each is read


@pytest.mark.parametrize(
    "before", [b"", b"\xef\xbb\xbf", b"\n", b"Bag Attributes\n  friendlyName: a\n"]
)
def test_key_behind_other_lines_is_found(before: bytes) -> None:
    key = before + b"-----BEGIN PRIVATE KEY-----\nabc\n"
    assert looks_like_credentials("notes.txt", lambda: key)
    assert not looks_like_credentials("notes.txt", lambda: b"see -----BEGIN PRIVATE KEY-----")
