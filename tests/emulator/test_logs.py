"""Log entries."""


def test_entries_belong_to_the_job_and_to_the_tenant(api, other):
    job = api.job()
    entry = api.ok("POST", "logs/", {"job": job, "message": "epoch 1", "level": "INFO"})

    assert (entry["job"], entry["message"], entry["level"]) == (job, "epoch 1", "info")
    response = other.post("logs/", {"job": job, "message": "theirs"})
    assert (response.status_code, list(response.json())) == (400, ["job"])


def test_entries_are_not_listed(api):
    assert api.get("logs/").status_code == 405
