"""Headers of every response."""


def test_every_answer_carries_a_request_id(api, anonymous):
    own = api.request("GET", "projects/", headers={"X-Request-ID": "run-7"})
    assert own.headers["X-Request-ID"] == "run-7"
    for path in ("projects/", "nowhere/"):
        made = anonymous.get(path).headers["X-Request-ID"]
        assert len(made) == 32
    odd = anonymous.request("GET", "health/", headers={"X-Request-ID": "a b;<script>"})
    assert odd.headers["X-Request-ID"] != "a b;<script>"


def test_head_has_the_length_and_no_body(api):
    whole = api.get("projects/")
    head = api.request("HEAD", "projects/")
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(whole.content))
    assert api.get("projects/").status_code == 200  # the connection is still in step
