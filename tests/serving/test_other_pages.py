"""Where no key is asked for, no page of another site can ask in a browser's name."""

import httpx
import pytest
from running import running

from tunewise.jobs.home import Home
from tunewise.serving.app import LOOPBACK
from tunewise.serving.door import Doorway
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

MODEL = Model("m", WordHashEncoder())
OWN = Doorway(hosts=LOOPBACK)
FORM = {"files": {"file": ("a.txt", b"x")}, "data": {"purpose": "user_data"}}
PRESIGN = "/v2/storage/buckets/b/a.txt/presigned_url"
ELSEWHERE = [
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1.evil.example:8000"},
    {"origin": "https://evil.example/127.0.0.1"},
    {"sec-fetch-site": "cross-site"},
]
HERE = [
    {},
    {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"},
    {"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"},
    {"origin": "http://[::1]:8000"},
    {"sec-fetch-site": "none"},
]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with running(MODEL, home=Home(tmp_path_factory.mktemp("home")), doorway=OWN) as address:
        yield address


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_a_page_of_another_site_is_refused_and_leaves_nothing(url, headers):
    before = httpx.get(f"{url}/v1/files").json()["data"]
    answer = httpx.post(f"{url}/v1/files", headers=headers, **FORM)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "unknown_origin")
    answer = httpx.post(url + PRESIGN, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "unknown_origin")
    assert httpx.get(f"{url}/v1/files").json()["data"] == before


@pytest.mark.parametrize("headers", HERE)
def test_clients_and_pages_of_this_machine_are_answered(url, headers):
    assert httpx.post(f"{url}/v1/files", headers=headers, **FORM).status_code == 200
    assert httpx.post(url + PRESIGN, headers=headers).status_code == 200


def test_with_keys_the_key_decides_and_not_the_page(tmp_path):
    keys = KeyFile(tmp_path / "keys.json")
    _, secret = keys.create("", ["embed"])
    with running(MODEL, keys=keys) as url:
        headers = {**ELSEWHERE[0], "authorization": f"Bearer {secret}"}
        assert httpx.get(f"{url}/v1/models", headers=headers).status_code == 200
