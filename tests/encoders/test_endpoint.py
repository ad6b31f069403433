"""EndpointEncoder, over a real HTTP connection to a stand-in on 127.0.0.1."""

import base64
import logging
import threading
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_ins import StandIn, vector

from tunewise.encoders import Encoder, load_encoder
from tunewise.encoders.endpoint import EndpointEncoder
from tunewise.encoders.requests import Patience
from tunewise.errors import EncoderError, OptionError

BUSY = (429, {"Retry-After": "7"}, {"error": {"message": "slow down"}})
BROKEN = (500, {}, b"oops")


def encoder_at(stand_in: StandIn, **options: Any) -> EndpointEncoder:
    """An encoder at the stand-in whose waits are noted in `encoder_at.waits` and not slept."""
    waits: list[float] = []
    encoder_at.waits = waits  # type: ignore[attr-defined]
    patience = Patience(attempts=4, timeout=options.pop("timeout", 10.0), sleep=waits.append)
    return EndpointEncoder("small", base_url=stand_in.url, patience=patience, **options)


def test_a_hosted_model_is_an_encoder_and_is_loaded_by_its_name(stand_in: StandIn) -> None:
    encoder: Encoder = load_encoder("openai:small", base_url=stand_in.url, cache=False)
    vectors = encoder.encode_queries(["open a file", "close it"])
    assert vectors == pytest.approx(np.array([vector("open a file"), vector("close it")]))
    assert vectors.dtype == np.float32
    assert (encoder.name, encoder.dimension, encoder.max_tokens) == ("openai:small", 6, None)
    assert stand_in.seen == [
        {
            "path": "/v1/embeddings",
            "model": "small",
            "encoding_format": "float",
            "input": ["open a file", "close it"],
        }
    ]


def test_an_endpoint_does_not_tell_tokens(stand_in: StandIn) -> None:
    assert encoder_at(stand_in).count_tokens(["open a file", ""]).tolist() == [-1, -1]
    assert stand_in.seen == []


def test_charged_tokens_are_summed_and_seconds_measured(stand_in: StandIn) -> None:
    encoder = encoder_at(stand_in)
    assert encoder.tokens_used == 0
    assert encoder.speed("queries") is None
    encoder.encode_queries(["open a file", "close"])
    encoder.encode_documents(["a door"])
    assert encoder.tokens_used == 6
    assert encoder.spent("queries").tokens_per_text == 2
    assert 0 < (encoder.speed("queries") or 0) < 10


def test_the_price_survives_a_run_that_finds_everything_in_the_cache(
    stand_in: StandIn, tmp_path: Path
) -> None:
    first = encoder_at(stand_in, cache=tmp_path).encode_documents(["open a file", "close"])
    encoder = encoder_at(stand_in, cache=tmp_path)
    assert np.array_equal(encoder.encode_documents(["open a file", "close"]), first)
    assert encoder.dimension == 6
    assert encoder.tokens_used == 4
    assert len(stand_in.seen) == 1


def test_many_texts_go_in_several_requests_in_order(stand_in: StandIn) -> None:
    texts = [f"text {number}" for number in range(5000)]
    told: list[tuple[str, int, int]] = []
    vectors = encoder_at(stand_in).encode_documents(texts, progress=lambda *step: told.append(step))
    assert [len(request["input"]) for request in stand_in.seen] == [2048, 2048, 904]
    assert stand_in.texts == texts
    assert vectors[4321] == pytest.approx(vector("text 4321"), abs=1e-6)
    assert told == [("encoding documents", done, 5000) for done in (2048, 4096, 5000)]


def test_long_texts_go_in_smaller_requests(stand_in: StandIn) -> None:
    encoder_at(stand_in).encode_documents([letter * 40_000 for letter in "abc"])
    assert [len(request["input"]) for request in stand_in.seen] == [2, 1]


def test_a_request_that_is_too_large_is_halved(stand_in: StandIn) -> None:
    stand_in.most = 3
    texts = [f"text {number}" for number in range(8)]
    encoder = encoder_at(stand_in)
    assert encoder.encode_documents(texts) == pytest.approx(
        np.array([vector(t) for t in texts]), abs=1e-6
    )
    assert encoder.tokens_used == 16


def test_texts_without_letters_are_zeros_and_are_never_sent(stand_in: StandIn) -> None:
    encoder = encoder_at(stand_in)
    vectors = encoder.encode_documents(["", "open", " \n"])
    assert stand_in.texts == ["open"]
    assert not vectors[[0, 2]].any()
    assert not encoder_at(stand_in).encode_documents([""]).any()
    assert encoder.encode_queries([]).shape == (0, 6)


def test_vectors_are_brought_to_unit_length(stand_in: StandIn) -> None:
    def double(answer: dict[str, Any]) -> dict[str, Any]:
        for item in answer["data"]:
            item["embedding"] = [2 * number for number in item["embedding"]]
        return answer

    stand_in.script = [double]
    vectors = encoder_at(stand_in).encode_documents(["open"])
    assert vectors[0] == pytest.approx(vector("open"), abs=1e-6)


def test_shorter_vectors_can_be_asked_for(stand_in: StandIn) -> None:
    short = encoder_at(stand_in, dimensions=3)
    assert short.encode_queries(["open"]).shape == (1, 3)
    assert short.stamp != encoder_at(stand_in).stamp


def test_busy_and_broken_endpoints_are_tried_again(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.script = [BUSY, BROKEN, BROKEN]
    with caplog.at_level(logging.WARNING):
        vectors = encoder_at(stand_in).encode_queries(["open"])
    assert vectors[0] == pytest.approx(vector("open"), abs=1e-6)
    waits = encoder_at.waits  # type: ignore[attr-defined]
    assert waits[0] == 7
    assert 0.5 <= waits[1] <= 1
    assert 1 <= waits[2] <= 2
    assert "status 429; trying again in 7.0 s" in caplog.text


def test_retry_after_may_be_a_date(stand_in: StandIn) -> None:
    stand_in.script = [(503, {"Retry-After": formatdate(time.time() + 30, usegmt=True)}, b"")]
    encoder_at(stand_in).encode_queries(["open"])
    assert 25 < encoder_at.waits[0] <= 30  # type: ignore[attr-defined]


def test_it_gives_up_after_a_bounded_number_of_tries(stand_in: StandIn) -> None:
    stand_in.script = [BROKEN] * 9
    with pytest.raises(EncoderError, match=r"did not answer after 4 tries \(status 500\)"):
        encoder_at(stand_in).encode_queries(["open"])
    assert len(stand_in.seen) == 4


def test_it_does_not_wait_for_an_hour(stand_in: StandIn) -> None:
    stand_in.script = [(429, {"Retry-After": "3600"}, b"")]
    with pytest.raises(EncoderError, match="asks to wait 3600 seconds"):
        encoder_at(stand_in).encode_queries(["open"])


@pytest.mark.slow
def test_a_slow_endpoint_counts_as_failed_and_is_tried_again(stand_in: StandIn) -> None:
    over = threading.Event()

    def slow(answer: dict[str, Any]) -> dict[str, Any]:
        over.wait(10)
        return answer

    stand_in.script = [slow]
    vectors = encoder_at(stand_in, timeout=1).encode_queries(["open"])
    over.set()
    assert vectors[0] == pytest.approx(vector("open"), abs=1e-6)
    assert len(stand_in.seen) == 2


def test_an_endpoint_that_is_not_there_is_named() -> None:
    patience = Patience(attempts=2, sleep=lambda _: None)
    encoder = EndpointEncoder("small", base_url="http://127.0.0.1:9/v1", patience=patience)
    with pytest.raises(EncoderError, match=r"127\.0\.0\.1:9.*ConnectError"):
        encoder.encode_queries(["open"])


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "does not accept the key"), (403, "may not use"), (404, "no such model")],
)
def test_a_final_no_is_said_at_once(stand_in: StandIn, status: int, advice: str) -> None:
    stand_in.script = [(status, {}, {"error": {"message": "bad key sk-123"}})]
    with pytest.raises(EncoderError, match=advice) as error:
        encoder_at(stand_in).encode_queries(["open"])
    assert len(stand_in.seen) == 1
    assert "sk-123" not in str(error.value)


def test_a_used_up_quota_is_said_at_once(stand_in: StandIn) -> None:
    body = {"error": {"message": "You exceeded your quota.", "code": "insufficient_quota"}}
    stand_in.script = [(429, {}, body)]
    with pytest.raises(EncoderError, match="429: You exceeded your quota"):
        encoder_at(stand_in).encode_queries(["open"])


def test_the_reason_of_a_refused_request_is_passed_on(stand_in: StandIn) -> None:
    stand_in.script = [(400, {}, {"error": {"message": "text too long"}}), (418, {}, b"")]
    with pytest.raises(EncoderError, match="400: text too long"):
        encoder_at(stand_in).encode_queries(["open"])
    with pytest.raises(EncoderError, match="418: nothing more"):
        encoder_at(stand_in).encode_queries(["open"])


def _with(place: int, **changes: Any) -> Any:
    def change(answer: dict[str, Any]) -> dict[str, Any]:
        answer["data"][place].update(changes)
        return answer

    return change


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda answer: {"data": answer["data"][:1]}, "1 vectors with wrong places for 2 texts"),
        (_with(0, index=0), "wrong places"),
        (_with(0, embedding=[1.0]), "vectors of different lengths"),
        (lambda answer: {"data": "none"}, "no list of vectors"),
        (lambda answer: {"embeddings": [[1.0]]}, "no list of vectors"),
        (_with(0, embedding=[float("nan")] * 6), r"not finite for 1 texts, .* 'close'"),
        (_with(0, embedding=[float("inf")] * 6), "not finite"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(
    stand_in: StandIn, act: Any, message: str
) -> None:
    stand_in.script = [act]
    with pytest.raises(EncoderError, match=message):
        encoder_at(stand_in).encode_queries(["open", "close"])


def test_a_page_instead_of_an_answer_is_refused(stand_in: StandIn) -> None:
    stand_in.script = [(200, {}, b"<html>Welcome</html>")]
    with pytest.raises(EncoderError, match="OpenAI-compatible"):
        encoder_at(stand_in).encode_queries(["open"])


def test_base64_is_understood_although_not_asked_for(stand_in: StandIn) -> None:
    packed = base64.b64encode(np.array([3, 4], dtype="<f4").tobytes()).decode()
    stand_in.script = [_with(0, embedding=packed)]
    assert encoder_at(stand_in).encode_queries(["open"])[0] == pytest.approx([0.6, 0.8])


def test_a_model_that_changes_its_dimension_is_noticed(stand_in: StandIn, tmp_path: Path) -> None:
    encoder_at(stand_in, cache=tmp_path).encode_documents(["open"])
    stand_in.script = [_with(0, embedding=[1.0, 2.0])]
    with pytest.raises(EncoderError, match="vectors of 2 numbers, and before of 6"):
        encoder_at(stand_in, cache=tmp_path).encode_documents(["close", "open"])
    stand_in.script = [_with(0, embedding=[1.0, 2.0])]
    with pytest.raises(EncoderError, match="vectors of 2 numbers, and before of 6"):
        encoder_at(stand_in, cache=tmp_path).encode_documents(["close"])


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-general")
    monkeypatch.setenv("TUNEWISE_API_KEY", "sk-mine")
    stand_in.script = [BUSY]
    with caplog.at_level(logging.DEBUG):
        encoder = encoder_at(stand_in, cache=tmp_path)
        encoder.encode_queries(["open"])
    assert [headers["Authorization"] for headers in stand_in.headers] == ["Bearer sk-mine"] * 2
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"sk-" in content for content in kept)
    assert "sk-mine" not in caplog.text
    assert "sk-mine" not in f"{vars(encoder)}{encoder.stamp}"


def test_without_a_key_none_is_sent(stand_in: StandIn) -> None:
    encoder_at(stand_in).encode_queries(["open"])
    assert "Authorization" not in stand_in.headers[0]


def test_a_key_is_never_sent_unencrypted_to_another_machine(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEWISE_API_KEY", "sk-mine")
    encoder = EndpointEncoder("small", base_url="http://models.example/v1")
    with pytest.raises(EncoderError, match=r"models\.example unencrypted, so nothing was sent"):
        encoder.encode_queries(["open"])


def test_openai_itself_needs_a_key(stand_in: StandIn) -> None:
    with pytest.raises(EncoderError, match="Set TUNEWISE_API_KEY or OPENAI_API_KEY"):
        load_encoder("openai:small", cache=False).encode_queries(["open"])


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("models.example/v1", "is no base URL"),
        ("ftp://models.example", "is no base URL"),
        ("https://me:secret@models.example/v1", "end up in logs"),
        ("https://models.example/v1?key=secret", "end up in logs"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        load_encoder("openai:small", base_url=url)


def test_a_base_url_goes_only_with_a_named_hosted_model(stand_in: StandIn) -> None:
    with pytest.raises(OptionError, match="'openai:MODEL'"):
        load_encoder("all-MiniLM-L6-v2", base_url=stand_in.url)
    with pytest.raises(OptionError, match="has no name"):
        load_encoder("openai:", base_url=stand_in.url)


def test_the_stamp_tells_address_and_model_apart() -> None:
    stamps = {
        EndpointEncoder(model, base_url=url).stamp
        for model in ("small", "large")
        for url in ("https://a.example/v1", "https://b.example/v1", "https://b.example:8443/v1")
    }
    assert len(stamps) == 6
    slash = EndpointEncoder("small", base_url="https://a.example/v1/").stamp
    assert slash in stamps


def test_a_key_that_the_server_repeats_is_not_repeated_to_anyone(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TUNEWISE_API_KEY", "sk-SECRETSECRET")
    echo = {"error": {"message": "bad thing for Bearer sk-SECRETSECRET"}}
    stand_in.script = [(418, {}, echo)]
    with pytest.raises(EncoderError) as refusal:
        encoder_at(stand_in).encode_queries(["open"])
    assert "SECRET" not in str(refusal.value) + caplog.text
    assert "bad thing for Bearer (the key)" in str(refusal.value)


@pytest.mark.parametrize("key", ["sk-SECRET\nX", "sk-SECRET X", "sk-SECRETä"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("TUNEWISE_API_KEY", key)
    with pytest.raises(OptionError, match="TUNEWISE_API_KEY") as refusal:
        encoder_at(stand_in).encode_queries(["open"])
    assert "SECRET" not in str(refusal.value)
    assert stand_in.seen == []


@pytest.mark.parametrize("url", ["http://[::1:bad/v1", "http://127.0.0.1:99999/v1"])
def test_an_address_that_cannot_be_taken_apart_is_refused(url: str) -> None:
    with pytest.raises(OptionError, match="base URL"):
        EndpointEncoder("small", base_url=url)
