"""A hosted encoder behind the service: another server's vectors, and what it gets wrong."""

import httpx
import numpy as np
import pytest
from running import running

from endpoint import Endpoint
from tunewise.serving.gate import passed
from tunewise.serving.models import Model, load_models
from tunewise.testing import WordHashEncoder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def nan():
    """The address of an endpoint whose vectors are good for a kettle alone."""

    def answer(asked):
        good = [1.0, 0.0] if asked["input"] == ["kettle"] else [float("nan"), 1.0]
        data = [{"index": n, "embedding": good} for n in range(len(asked["input"]))]
        return 200, {}, {"data": data}

    served = Endpoint(answer)
    yield served.url
    served.close()


def embed(url, model, text):
    asked = {"model": model, "input": text, "encoding_format": "float"}
    return httpx.post(f"{url}/v1/embeddings", json=asked, timeout=30)


def test_a_service_can_stand_before_another_one():
    encoder = WordHashEncoder()
    with running(Model("far", encoder)) as far:
        offer = passed(load_models(["near=openai:far"], base_url=f"{far}/v1"))
        with running(*offer.models.values()) as near:
            answer = embed(near, "near", "open a file").json()
    expected = encoder.encode_documents(["open a file"])[0]
    assert np.allclose(answer["data"][0]["embedding"], expected, atol=1e-6)
    assert answer["usage"]["prompt_tokens"] == 3  # a quarter of its bytes: no tokenizer is known


def test_what_is_no_number_is_answered_with_an_error_and_the_rest_goes_on(nan):
    offer = passed(load_models(["hosted=openai:m"], base_url=nan))
    with running(*offer.models.values()) as url:
        bad = embed(url, "hosted", ["a secret"])
        assert (bad.status_code, bad.json()["error"]["code"]) == (502, "encoder_failed")
        assert "secret" not in bad.text
        assert embed(url, "hosted", "kettle").status_code == 200
