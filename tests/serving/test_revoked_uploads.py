"""A file that comes slowly, and whose key is revoked before it is whole, is not kept."""

import time

import httpx
import pytest
from running import running

from tunewise.jobs.home import Home
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

START = (
    b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
)
WORDS = b"words " * 400_000  # a form's file is begun with its first megabyte
WAYS = {
    "key": ("/v2/storage/buckets/pets/a.txt", {}, b"half", b"and half"),
    "address": ("/v2/storage/buckets/pets/a.txt", {}, b"half", b"and half"),
    "form": (
        "/v1/files", {"content-type": "multipart/form-data; boundary=b"},
        START + WORDS, b" and more\r\n--b--\r\n",
    ),
}  # fmt: skip


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def keys(tmp_path):
    return KeyFile(tmp_path / "keys.json")


@pytest.mark.parametrize("revoked", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_kept_only_if_its_key_is_good_when_it_is_whole(home, keys, way, revoked):
    key, own = keys.create("", ["write", "tune"])
    bearer = {"authorization": f"Bearer {own}"}
    path, headers, first, rest = WAYS[way]

    def files():
        return {file for file in home.objects.rglob("*") if file.is_file()}

    with running(Model("m", WordHashEncoder()), home=home, keys=keys) as url:
        place = f"{url}{path}"
        if way == "address":
            signed = httpx.post(f"{place}/presigned_url", headers=bearer).json()["content"]
            place, own_headers = signed["presigned_url"], headers
        else:
            own_headers = {**headers, **bearer}
        assert httpx.get(f"{url}/v1/files", headers=bearer).status_code == 200
        before = files()

        def body():
            yield first
            end = time.perf_counter() + 5
            while files() == before:  # until the server has let it in
                assert time.perf_counter() < end
                time.sleep(0.005)
            if revoked:
                keys.revoke(key.id)
            yield rest

        method = "POST" if way == "form" else "PUT"
        answer = httpx.request(method, place, headers=own_headers, content=body())
        if revoked:
            assert answer.status_code == 401, answer.text
            assert f"{key.id} was revoked" in answer.text
            assert files() == before
        else:
            assert answer.status_code == 200, answer.text
            assert len(files()) > len(before)
