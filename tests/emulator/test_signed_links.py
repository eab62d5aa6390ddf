"""Links to files that are good without a token."""

import json
import subprocess
import sys
import textwrap

import pytest

from .client import IMAGE, connect

# Compares URLs and signatures with those of the frameworks, inside the application.
_COMPARE = textwrap.dedent(r"""
    import json, sys
    from pathlib import Path, PurePosixPath
    from synapse.emulator.folder import DataFolder
    from synapse.emulator.server import load_application

    load_application(DataFolder(Path(sys.argv[1])))

    from django.core.signing import Signer
    from rest_framework.request import Request
    from rest_framework.reverse import reverse
    from rest_framework.test import APIRequestFactory
    from synapse.emulator.api.units import build_file_url
    from synapse.emulator.models import Blob, DataFile
    from synapse.emulator.signed_links import read_link, sign_link

    request = Request(APIRequestFactory().get("/", SCRIPT_NAME="/below"))
    names = ["a.png", "b/c d.png", "e\\f.png", "g/", "h/.", "i/..", "j//", "/", "", ".",
             "..", "./k", "\u00e4?#%&;=[]{}|.png", "l\n.png", "%41", "m:n@o~p!$'()*+,.png", " q ",
             "<r>"]
    found = []
    for key in ("0" * 64, "f" * 32):
        owner = DataFile(pk=7, blob=Blob(sha256=key))
        for path in names:
            name = PurePosixPath(path.replace("\\", "/")).name or key
            url = reverse("file", kwargs={"key": key, "name": name}, request=request)
            found.append([build_file_url(owner, path, request).split("?")[0], url])
    values = {"file": ["datafile", 7, "0"], "put": ["\u00e4", 0], "a": {"b": [1.5]}}
    for purpose, value in values.items():
        ours = sign_link(purpose, value, 1 << 40)
        found.append([ours, Signer(salt=purpose).sign_object([value, 1 << 40])])
        found.append([read_link(purpose, ours), value])
    print(json.dumps(found))
""")


def test_urls_and_signatures_are_those_of_the_frameworks(tmp_path):
    command = [sys.executable, "-c", _COMPARE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours, theirs = zip(*json.loads(done.stdout), strict=True)
    assert ours == theirs


@pytest.fixture
def tenant(emulator):
    return emulator.create_tenant()


@pytest.fixture
def owner(emulator, tenant):
    client = connect(emulator, tenant.api_token)
    with client.http:
        yield client


@pytest.fixture
def units(owner):
    collection = owner.collection(IMAGE)["id"]
    return [owner.unit(collection, image=content) for content in (b"one", b"two")]


def url_of(unit):
    return unit["files"]["image"]["url"]


def test_a_link_is_good_without_a_token_and_stays_equal(owner, anonymous, units):
    assert anonymous.get(url_of(units[0])).content == b"one"
    ranged = anonymous.request("GET", url_of(units[1]), headers={"Range": "bytes=1-"})
    assert (ranged.status_code, ranged.content) == (206, b"wo")
    assert url_of(owner.ok("GET", f"data_units/{units[0]['id']}/")) == url_of(units[0])


def test_a_token_decides_before_the_signature(owner, other, units):
    url = url_of(units[0])
    assert owner.get(url.split("?")[0]).content == b"one"
    assert owner.get(url.split("?")[0] + "?signature=x").content == b"one"
    assert other.get(url).status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        (lambda one, two: one.split("?")[0], 401, "Authentication credentials were not provided."),
        (
            lambda one, two: one.split("?")[0] + "?" + two.split("?")[1],
            403,
            "The link's signature is for another file.",
        ),
        (
            lambda one, two: one[:-1] + ("B" if one[-1] != "B" else "C"),
            403,
            "The link's signature is wrong. Use links as the server sent them.",
        ),
        (
            lambda one, two: one.split("?")[0] + "?signature=",
            403,
            "The link's signature is wrong. Use links as the server sent them.",
        ),
    ],
)
def test_other_links_are_refused(anonymous, units, change, status, detail):
    response = anonymous.get(change(*map(url_of, units)))
    assert (response.status_code, response.json()) == (status, {"detail": detail})


def test_an_expired_link_is_refused(emulator, tenant, owner, anonymous, units):
    with emulator.behave(tenant=tenant.tenant, file_url_lifetime=0):
        url = url_of(owner.ok("GET", f"data_units/{units[0]['id']}/"))
    response = anonymous.get(url)
    assert (response.status_code, response.json()) == (
        403,
        {"detail": "The link has expired. Request the object again for a new link."},
    )


def test_a_link_ends_with_its_row(owner, anonymous, units):
    owner.ok("DELETE", f"data_units/{units[0]['id']}/")
    response = anonymous.get(url_of(units[0]))
    assert (response.status_code, response.json()) == (
        404,
        {"detail": "The file was deleted. Request the object again."},
    )
    assert anonymous.get(url_of(units[1])).content == b"two"
