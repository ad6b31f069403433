"""What is wrong with a request is told in words: what it is, and what would have been taken."""

import json

import httpx
import pytest
from running import running

from tunewise.jobs.home import Home
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

EMBED, TUNE, FIND = "/v1/embeddings", "/v1/fine_tuning/jobs", "/v2/ai/embeddings/similarity-search"
SHELF, GRADE = "/v2/ai/collections", "/v1/queries/none/feedback"
SENT = "4711-secret"
RIGHT = {
    EMBED: {"model": "w", "input": "a"},
    TUNE: {"model": "w", "training_file": "file-1"},
    FIND: {"bucket_name": "shop", "query": "a"},
    SHELF: {"name": "a"},
    GRADE: {"grades": {"a": 1}},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("home"))
    with running(Model("w", WordHashEncoder()), home=home) as address:
        yield address


def told(answer):
    """What an answer says is wrong, and of which parameter, in whichever shape."""
    assert answer.status_code == 400, answer.text
    assert SENT not in answer.text
    if "errors" in answer.json():
        [error] = answer.json()["errors"]
        return error["detail"], error.get("source", {}).get("pointer", "").lstrip("/") or None
    error = answer.json()["error"]
    return error["message"], error["param"]


@pytest.mark.parametrize(
    ("path", "wrong", "says"),
    [
        (EMBED, {"model": 4711}, "'model' must be a text."),
        (EMBED, {"dimensions": SENT}, "'dimensions' must be a whole number."),
        (EMBED, {"dimensions": 0}, "'dimensions' must be at least 1."),
        (EMBED, {"encoding_format": SENT}, "'encoding_format' must be 'float' or 'base64'."),
        (EMBED, {"colour": SENT}, "There is no such parameter. Leave it out."),
        (TUNE, {"model": ""}, "'model' must be a text of at least 1 letter."),
        (TUNE, {"model": "x" * 501}, "'model' must be a text of at most 500 letters."),
        (TUNE, {"metadata": SENT}, "'metadata' must be an object."),
        (TUNE, {"metadata": {str(n): "" for n in range(17)}},
         "'metadata' must be at most 16 items long."),
        (TUNE, {"metadata": {"rung": 1}}, "'metadata.rung' must be a text."),
        (TUNE, {"metadata": {f"{SENT} " * 9: ""}},
         "Something in 'metadata' must be a text of at most 64 letters."),
        (TUNE, {"hyperparameters": {"n_epochs": SENT}},
         "'hyperparameters.n_epochs' must be 'auto' or a whole number."),
        (TUNE, {"hyperparameters": {"n_epochs": 51}},
         "'hyperparameters.n_epochs' must be 'auto' or at most 50."),
        (TUNE, {"integrations": [SENT]},
         "'integrations' is refused: there are none here: leave them out."),
        (TUNE, {"hyperparameters": {}, "method": {"type": "supervised"}},
         "The body is refused: give hyperparameters by themselves or in 'method', not in both."),
        (FIND, {"query": None}, "'query' must be a text."),
        (FIND, {"grouped": SENT}, "'grouped' must be true or false."),
        (FIND, {"threshold": SENT}, "'threshold' must be a number or 'calibrated'."),
        (GRADE, {"grades": {}}, "'grades' must be at least 1 item long."),
        (SHELF, {"sources": SENT}, "'sources' must be an array."),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_told_with_what_would_have_been_taken(url, path, wrong, says):
    found, param = told(httpx.post(f"{url}{path}", json={**RIGHT[path], **wrong}, timeout=30))
    assert found == says
    assert param == (None if "The body" in says else next(iter(wrong)))


@pytest.mark.parametrize(
    ("path", "wrong", "says", "where"),
    [
        (SHELF, {"sources": [{"source_type": "bucket", "source_id": "help"}]},
         "'sources.0.source_id' is no parameter. Leave it out.", "sources/0/source_id"),
        (SHELF, {"sources": [{"source_type": "bucket", f"{SENT} 1": "help"}]},
         "Something in 'sources.0' is no parameter. Leave it out.", "sources/0"),
        (SHELF, {"sources": [{}]},
         "'sources.0.source_type' is missing. Send it.", "sources/0/source_type"),
        (SHELF, {"settings": {"retrieval": {"top_k": 51}}},
         "'settings.retrieval.top_k' must be at most 50.", "settings/retrieval/top_k"),
        (GRADE, {"grades": {"a#0": 1, "my docs/fees.md#12": "good"}},
         "'grades.my docs/fees.md#12' must be a number.", "grades"),
        (GRADE, {"grades": {"a#0": -1}}, "'grades.a#0' must be at least 0.0.", "grades"),
        (GRADE, {"grades": {f"{SENT} 1": "good"}},
         "Something in 'grades' must be a number.", "grades"),
    ],
)  # fmt: skip
def test_what_is_wrong_within_a_value_is_told_by_its_place(url, path, wrong, says, where):
    answer = httpx.post(f"{url}{path}", json={**RIGHT[path], **wrong}, timeout=30)
    assert told(answer) == (says, where)


def test_what_is_missing_or_no_json_is_told(url):
    def post(content):
        headers = {"content-type": "application/json"}
        return told(httpx.post(f"{url}{FIND}", content=content, headers=headers, timeout=30))

    assert post('{"query": "a"}') == ("'bucket_name' is missing. Send it.", "bucket_name")
    assert post(json.dumps([SENT])) == ("The body must be an object.", None)
    assert post(f'{{"query": {SENT}') == (
        "The body is no JSON: Expecting ',' delimiter, at letter 14.", None,
    )  # fmt: skip
    assert post("") == ("The body is missing. Send it.", None)


def test_a_parameter_of_the_address_is_told_too(url):
    found = told(httpx.get(f"{url}/v1/fine_tuning/jobs?limit={SENT}", timeout=30))
    assert found == ("'limit' must be a whole number.", "limit")
