"""/v1/embeddings and /v1/models, asked by the published openai client over a real socket."""

import base64
import json
import logging
import socket
import time

import httpx
import numpy as np
import openai
import pytest
from fastapi.routing import APIRoute
from running import Waits, running

from tunewise.serving.door import Doorway
from tunewise.serving.models import Model
from tunewise.serving.observed import JsonLines
from tunewise.testing import WordHashEncoder
from tunewise.training.adapter import Adapter

TEXTS = ["open a file", "close the window", "open a file"]
ENCODER = WordHashEncoder()
JSON = {"content-type": "application/json"}
TURNED = np.roll(np.eye(64, dtype=np.float32), 1, axis=1)


@pytest.fixture(scope="module")
def url():
    tuned = Model("team/tuned:v2", ENCODER, Adapter(TURNED, None), prefixes=(64, 32))
    with running(Model("plain", ENCODER), tuned, Model("hosted", Waits())) as address:
        yield address


@pytest.fixture(scope="module")
def client(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
        yield made


def vectors(answer):
    return np.array([each.embedding for each in answer.data], dtype=np.float32)


def until(found, seconds=5.0):
    """What is found once there is something: a line is written after its answer is sent."""
    end = time.monotonic() + seconds
    while not (there := found()) and time.monotonic() < end:
        time.sleep(0.01)
    return there


def refused(client, **asked):
    with pytest.raises(openai.APIStatusError) as caught:
        client.embeddings.create(**{"model": "plain", **asked})
    error = caught.value.response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return caught.value.status_code, error


def test_a_text_and_a_list_get_the_encoders_vectors_in_their_order(client):
    many = client.embeddings.create(model="plain", input=TEXTS)
    assert np.array_equal(vectors(many), ENCODER.encode_documents(TEXTS))
    assert [each.index for each in many.data] == [0, 1, 2]
    one = client.embeddings.create(model="plain", input=TEXTS[1])
    assert np.array_equal(vectors(one), ENCODER.encode_documents(TEXTS[1:2]))
    assert (one.model, one.usage.prompt_tokens, many.usage.total_tokens) == ("plain", 3, 9)


def test_floats_and_base64_say_the_same(client, url):
    plain = client.embeddings.create(model="plain", input=TEXTS, encoding_format="float")
    asked = {"model": "plain", "input": TEXTS, "encoding_format": "base64"}
    coded = httpx.post(f"{url}/v1/embeddings", json=asked).json()["data"]
    rows = [np.frombuffer(base64.b64decode(each["embedding"]), dtype="<f4") for each in coded]
    assert np.array_equal(np.stack(rows), vectors(plain))


def test_queries_are_encoded_as_queries_by_a_field_or_by_the_models_name(client):
    plain = ENCODER.encode_documents(TEXTS)
    ask = client.embeddings.create
    assert np.array_equal(vectors(ask(model="team/tuned:v2", input=TEXTS)), plain)
    field = ask(model="team/tuned:v2", input=TEXTS, extra_body={"input_type": "query"})
    named = ask(model="team/tuned:v2:query", input=TEXTS)
    assert np.allclose(vectors(field), np.roll(plain, 1, axis=1), atol=1e-6)
    assert np.array_equal(vectors(named), vectors(field))
    assert named.model == "team/tuned:v2"


def test_two_different_wishes_about_the_side_are_refused(client):
    status, error = refused(
        client, model="plain:query", input="x", extra_body={"input_type": "document"}
    )
    assert (status, error["param"]) == (400, "input_type")


def test_vectors_are_cut_only_to_what_the_model_was_trained_for(client):
    cut = client.embeddings.create(model="team/tuned:v2", input=TEXTS, dimensions=32)
    expected = ENCODER.encode_documents(TEXTS)[:, :32]
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(vectors(cut), expected / np.where(lengths > 0, lengths, 1))
    for model, dimensions in (("team/tuned:v2", 16), ("plain", 32), ("plain", 65)):
        status, error = refused(client, model=model, input="x", dimensions=dimensions)
        assert (status, error["param"]) == (400, "dimensions")
    whole = client.embeddings.create(model="plain", input=TEXTS, dimensions=64)
    assert vectors(whole).shape == (3, 64)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ("", 400, None),
        ([], 400, None),
        (["a", ""], 400, None),
        (["a", 3], 400, None),
        ([True], 400, None),
        ([[1], "a"], 400, None),
        ([1, 2, 3], 400, None),  # word-hash has no tokenizer
        (None, 400, None),
        ({"text": "a"}, 400, None),
        (["a"] * 2_049, 400, "array_above_max_length"),
        ("a " * 8_193, 400, "context_length_exceeded"),
        (["a " * 8_000] * 38, 400, "max_tokens_per_request"),
        ("a" * 10**6, 400, "context_length_exceeded"),
        ("a" * 10**7, 413, "request_too_large"),
    ],
)
def test_an_input_past_a_limit_is_refused_in_openais_words(client, given, status, code):
    found, error = refused(client, input=given)
    assert (found, error["code"]) == (status, code)
    assert error["param"] in ("input", None)
    assert "aaaa" not in error["message"]


def test_as_many_as_the_limit_are_answered(client):
    texts = [f"text {n}" for n in range(2_048)]
    answer = client.embeddings.create(model="plain", input=texts)
    assert np.array_equal(vectors(answer), ENCODER.encode_documents(texts))


def test_an_unknown_model_is_not_found(client):
    for name in ("nope", "plain:side", "plain:query:query", "é" * 400):
        status, error = refused(client, model=name, input="x")
        assert (status, error["code"], error["param"]) == (404, "model_not_found", "model")


def test_a_parameter_there_is_not_is_named_and_not_passed_over(client):
    status, error = refused(client, input="x", extra_body={"truncate": True})
    assert (status, error["param"]) == (400, "truncate")


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"\xff", b"[" * 100_000, b'{"model": "\\ud800", "input": "x"}', b""]
)
def test_a_body_that_is_no_request_is_refused(url, body):
    answer = httpx.post(f"{url}/v1/embeddings", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"model": "plain", "input": TEXTS, "encoding_format": "base64"}, 200),
        ({"model": "plain", "input": "x", "truncate": True}, 400),
        ({"model": "plain", "input": "x", "dimensions": 1.5}, 400),
        ({"model": "absent", "input": "x"}, 404),
    ],
)
def test_the_straight_way_and_the_routes_own_give_the_same_answer(url, asked, status):
    whole = {"content-type": "application/vnd.x+json"}  # JSON too, though not plainly
    straight, routed = (
        httpx.post(f"{url}/v1/embeddings", json=asked, headers=headers) for headers in (JSON, whole)
    )
    assert straight.status_code == routed.status_code == status
    assert straight.json() == routed.json()


def test_who_takes_the_routes_own_way_is_not_taken_for_gone(url):
    asked = {"model": "plain", "input": "what nobody asked for before"}  # so that it has to wait
    whole = {"content-type": "application/vnd.x+json"}
    assert httpx.post(f"{url}/v1/embeddings", json=asked, headers=whole).status_code == 200


def test_a_good_request_goes_straight(monkeypatch):
    async def failing(*_):
        raise AssertionError

    with running(Model("plain", ENCODER)) as address:
        monkeypatch.setattr(APIRoute, "handle", failing)
        good = httpx.post(f"{address}/v1/embeddings", json={"model": "plain", "input": "x"})
        assert good.status_code == 200
        assert httpx.post(f"{address}/v1/embeddings", json={"model": "plain"}).status_code == 500


def test_a_method_there_is_not_is_counted_at_its_path():
    with running(Model("plain", ENCODER)) as address:
        refused = httpx.get(f"{address}/v1/embeddings")
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        line = 'requests_total{method="GET",route="/v1/embeddings",status="405"} 1'
        assert until(lambda: line in httpx.get(f"{address}/metrics").text)


def test_half_a_surrogate_pair_is_read_as_measuring_reads_it(url):
    asked = {"model": "plain", "input": "open \ud800 file", "encoding_format": "float"}
    body = json.dumps(asked).encode()
    answer = httpx.post(f"{url}/v1/embeddings", content=body, headers=JSON)
    expected = ENCODER.encode_documents(["open \ud800 file"])[0]
    assert np.allclose(answer.json()["data"][0]["embedding"], expected)


def test_a_text_that_an_encoder_fails_on_fails_alone_and_is_not_told(client, caplog):
    with caplog.at_level(logging.INFO, "tunewise"):
        status, error = refused(client, model="hosted", input=["NaN secret", "good"])
        good = client.embeddings.create(model="hosted", input="good")
    assert (status, error["code"], error["type"]) == (502, "encoder_failed", "server_error")
    assert "secret" not in error["message"]
    assert vectors(good).tolist() == [[1, 0, 0, 0]]
    assert "secret" not in "".join(JsonLines().format(each) for each in caplog.records)


def test_the_models_are_listed_and_found_by_name(client):
    listed = {each.id: each for each in client.models.list()}
    assert list(listed) == ["plain", "team/tuned:v2", "hosted"]
    found = client.models.retrieve("team/tuned:v2")
    assert found.object == "model"
    assert found.model_extra["dimensions"] == [64, 32]
    assert found.model_extra["stamp"] == ENCODER.stamp
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_an_adapter_has_a_stamp_of_its_own(tmp_path):
    (tmp_path / "maps").write_bytes(b"whatever maps hold")
    mapped = Model("mapped", ENCODER, Adapter(TURNED, None), maps=tmp_path / "maps")
    with running(Model("plain", ENCODER), mapped) as url:
        listed = httpx.get(f"{url}/v1/models").json()["data"]
    assert [each["stamp"] for each in listed] == [ENCODER.stamp, mapped.stamp]
    assert mapped.stamp != ENCODER.stamp


def test_routes_and_methods_there_are_not_have_the_same_shape_of_error(url):
    for answer in (httpx.get(f"{url}/v1/none"), httpx.get(f"{url}/v1/embeddings")):
        assert answer.status_code in (404, 405)
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_request_has_an_id_and_none_that_could_break_a_line_of_the_log(url):
    given = {"x-request-id": "mine-1"}
    assert httpx.get(f"{url}/healthz", headers=given).headers["x-request-id"] == "mine-1"
    for bad in ("a b", "x" * 65, "{}"):
        made = httpx.get(f"{url}/healthz", headers={"x-request-id": bad}).headers["x-request-id"]
        assert made != bad
        assert len(made) == 32


def test_the_log_tells_of_a_request_and_not_what_it_held(client, caplog):
    with caplog.at_level(logging.INFO, "tunewise"):
        client.embeddings.create(model="plain", input="my secret question", user="jane")
        line = until(lambda: [JsonLines().format(each) for each in caplog.records])[0]
    told = json.loads(line)
    assert (told["model"], told["texts"], told["tokens"], told["status"]) == ("plain", 1, 3, 200)
    assert told["route"] == "/v1/embeddings"
    assert "secret" not in line
    assert "jane" not in line


def test_a_form_that_another_sites_page_could_send_is_refused(url):
    body = json.dumps({"model": "plain", "input": "x"}).encode()
    answer = httpx.post(
        f"{url}/v1/embeddings", content=body, headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 400
    assert "Content-Type: application/json" in answer.json()["error"]["message"]
    assert httpx.post(f"{url}/v1/embeddings", content=body).json() == answer.json()


def test_an_error_is_logged_by_where_it_was_raised_and_not_by_its_words():
    try:
        raise ValueError("a text of somebody's")
    except ValueError as error:
        record = logging.LogRecord(
            "x", 40, "", 0, "failed", None, (type(error), error, error.__traceback__)
        )
    told = json.loads(JsonLines().format(record))
    assert told["error"] == "ValueError"
    assert "test_embeddings_api.py" in told["raised"][0]
    assert "somebody" not in json.dumps(told)


def test_what_is_counted_can_be_read_by_prometheus(client, url):
    client.embeddings.create(model="plain", input="one two three four")
    client.embeddings.create(model="plain", input="one two three four")
    told = httpx.get(f"{url}/metrics").text
    assert 'tunewise_requests_total{method="POST",route="/v1/embeddings",status="200"}' in told
    for name in ("request_seconds_bucket", "batch_texts_count", "waiting_tokens 0.0"):
        assert f"tunewise_{name}" in told
    at_hand = next(
        x for x in told.splitlines() if x.startswith('tunewise_vectors_total{at_hand="yes"')
    )
    assert float(at_hand.split()[-1]) >= 1


def test_it_says_that_it_lives_and_is_ready(url):
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{url}/readyz").json()["status"] == "ready"


def test_without_keys_only_this_machines_own_names_are_answered():
    own = Doorway(hosts=frozenset({"127.0.0.1", "localhost", "::1"}))
    with running(Model("plain", ENCODER), doorway=own) as url:
        for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
            assert httpx.get(f"{url}/v1/models", headers={"host": host}).status_code == 200
        for host in ("rebound.example", "rebound.example:8000", ""):
            assert httpx.get(f"{url}/v1/models", headers={"host": host}).status_code == 403


def test_a_request_that_never_ends_is_broken_off():
    with running(Model("plain", ENCODER), doorway=Doorway(seconds=0.1)) as url:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port), timeout=5) as slow:
            head = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            slow.sendall(head + b"Content-Type: application/json\r\n\r\n{")
            assert b" 408 " in slow.recv(1_000)
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_who_leaves_before_the_body_is_whole_is_counted_as_gone():
    with running(Model("plain", ENCODER)) as url:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port), timeout=5) as leaving:
            head = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            leaving.sendall(head + b"Content-Type: application/json\r\n\r\n{")
        gone = 'route="/v1/embeddings",status="499"} 1.0'
        assert until(lambda: gone in httpx.get(f"{url}/metrics").text, seconds=20)


def test_a_body_without_a_length_is_broken_off_where_it_is_too_large():
    with running(Model("plain", ENCODER), doorway=Doorway(body=1_000)) as url:
        parts = (b" " * 100 for _ in range(100))
        answer = httpx.post(f"{url}/v1/embeddings", content=parts, headers=JSON)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "request_too_large"
