import pytest

SECRET = {"access_key": "a", "secret_key": "hunter2"}


def create(api, name="Bucket", **fields):
    body = {"name": name, "provider": "amazon_s3", "configuration": SECRET, **fields}
    return api.ok("POST", "storages/", body)


def test_storage(api):
    storage = create(api)
    assert storage == {
        "id": storage["id"],
        "name": "Bucket",
        "provider": "amazon_s3",
        "category": "internal",
        "is_default": False,
        "created": storage["created"],
        "updated": storage["updated"],
    }
    path = f"storages/{storage['id']}/"
    assert api.get(path).json() == storage
    whole = {**storage, "configuration": SECRET}
    for asked in ("true", "True", "1"):
        assert api.get(path, with_configuration=asked).json() == whole
    for asked in ("false", "0", "", "yes"):
        assert api.get(path, with_configuration=asked).json() == storage


def test_secrets_leave_by_no_other_way(api):
    key = create(api, is_default=True)["id"]
    query = "with_configuration=true&expand=~all&fields=id,configuration"
    for path in ("storages/", "storages/default/"):
        response = api.get(f"{path}?{query}")
        assert response.status_code == 200
        assert "configuration" not in response.text.replace("with_configuration", "")
    body = {"name": "a", "provider": "ftp", "configuration": SECRET}
    assert "hunter2" not in api.post(f"storages/?{query}", body).text
    assert "hunter2" not in api.post("storages/", {"configuration": SECRET}).text
    for params in ({"search": "hunter2"}, {"configuration": "x"}, {"ordering": "configuration"}):
        assert "hunter2" not in api.get("storages/", **params).text
    assert api.ids("storages/", search="hunter2") == []
    narrow = api.get(f"storages/{key}/", with_configuration="true", fields="configuration")
    assert narrow.json() == {"configuration": SECRET}


def test_there_is_one_default(api, other):
    response = api.get("storages/default/")
    assert (response.status_code, response.json()) == (
        404,
        {"detail": "No Storage matches the given query."},
    )
    theirs = create(other, is_default=True)["id"]
    first = create(api, is_default=True)["id"]
    create(api)
    assert api.get("storages/default/").json()["id"] == first
    second = create(api, is_default=True)["id"]
    assert api.get("storages/default/").json()["id"] == second
    assert api.ids("storages/", is_default="true") == [second]
    assert other.get("storages/default/").json()["id"] == theirs


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"configuration": None}, "configuration"),
        ({"configuration": []}, "configuration"),
        ({"configuration": "{}"}, "configuration"),
        ({"configuration": {"a": "\x00"}}, "configuration"),
        ({"provider": "dropbox"}, "provider"),
        ({"category": "x"}, "category"),
        ({"name": ""}, "name"),
        ({"is_default": "x"}, "is_default"),
    ],
)
def test_bad_storages(api, fields, error):
    body = {"name": "a", "provider": "gcp", "configuration": {}, **fields}
    response = api.post("storages/", body)
    assert (response.status_code, list(response.json())) == (400, [error])
    assert api.ids("storages/") == []


def test_what_is_missing_is_named(api):
    assert list(api.post("storages/", {}).json()) == ["name", "provider", "configuration"]
    assert api.post("storages/?fields=id", {"name": "a", "provider": "gcp"}).status_code == 400
    assert api.post("storages/?omit=configuration", {}).status_code == 400


def test_verbs_filters_and_tenants(api, other):
    one, two = create(api, "One")["id"], create(api, "Two", provider="gcp", category="external")
    for method in ("PATCH", "PUT", "DELETE"):
        assert api.request(method, f"storages/{one}/", json={}).status_code == 405
    assert api.ids("storages/", provider=["gcp", "ftp"]) == [two["id"]]
    assert api.ids("storages/", category="internal", name="One") == [one]
    assert api.ids("storages/", ordering="-name") == [two["id"], one]
    assert api.ids("storages/", search="tw") == [two["id"]]
    assert other.get(f"storages/{one}/", with_configuration="true").status_code == 404
