"""What Telnyx's published client finds under /v2 of what /v1 has, and errors in its shape."""

import httpx
import numpy as np
import pytest
import telnyx
from running import running

from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

TEXTS = ["open a file", "close the window"]
ENCODER = WordHashEncoder()


@pytest.fixture(scope="module")
def url():
    with running(Model("plain", ENCODER)) as address:
        yield address


def test_telnyxs_client_embeds_and_lists_models(url):
    with telnyx.Telnyx(base_url=f"{url}/v2", api_key="none", max_retries=0) as client:
        got = client.ai.openai.embeddings.create_embeddings(model="plain", input=TEXTS)
        models = client.ai.openai.embeddings.list_embedding_models()
    found = np.array([each.embedding for each in got.data], dtype=np.float32)
    assert np.array_equal(found, ENCODER.encode_documents(TEXTS))
    assert (got.model, got.usage.total_tokens) == ("plain", 6)
    assert [each.id for each in models.data] == ["plain"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "pointer"),
    [
        ("POST", "ai/openai/embeddings", {"model": "none", "input": "a"}, 404, "model_not_found",
         "/model"),
        ("POST", "ai/openai/embeddings", {"model": "plain"}, 400, "bad_request", "/input"),
        ("POST", "ai/openai/embeddings", {"model": "plain", "input": []}, 400, "bad_request",
         "/input"),
        ("GET", "ai/nowhere", None, 404, "not_found", None),
        ("DELETE", "ai/openai/embeddings", None, 405, "method_not_allowed", None),
        ("POST", "ai/openai/embeddings", "x" * 2**23, 413, "request_too_large", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_telnyxs_shape(url, method, path, body, status, code, pointer):
    answer = httpx.request(method, f"{url}/v2/{path}", json=body)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["title"] and error["detail"]
    no_route = code in ("not_found", "method_not_allowed")
    assert ("GET /openapi.json" in error["detail"]) == no_route
    assert error.get("source", {}).get("pointer") == pointer


def test_who_has_no_key_is_told_so_in_telnyxs_shape(tmp_path):
    with running(Model("plain", ENCODER), keys=KeyFile(tmp_path / "keys.json")) as url:
        client = telnyx.Telnyx(base_url=f"{url}/v2", api_key="wrong", max_retries=0)
        with pytest.raises(telnyx.AuthenticationError) as caught:
            client.ai.openai.embeddings.list_embedding_models()
    [error] = caught.value.response.json()["errors"]
    assert error["code"] == "invalid_api_key"
