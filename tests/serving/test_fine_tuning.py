"""Files and fine-tuning jobs with the published openai client, unmodified, over a real socket."""

import io
import json
import re
import threading
import time
from argparse import Namespace
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import telnyx
from running import running_app

from tunewise.cli.serve import _told
from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.measurement import measure
from tunewise.report import save_verdict
from tunewise.serving.app import make_app
from tunewise.serving.collections import encoder_of
from tunewise.serving.gate import passed
from tunewise.serving.models import load_models
from tunewise.testing import tiny_task

pytestmark = pytest.mark.slow

FORM = "multipart/form-data; boundary=x"


def chat_rows():
    task = tiny_task()
    for query, graded in task.judgments.items():
        for document in graded:
            asked = {"role": "user", "content": task.queries.text(query)}
            answer = {"role": "assistant", "content": task.documents.text(document)}
            yield json.dumps({"messages": [asked, answer]})


def app_over(home):
    return make_app(passed(load_models(["word-hash"])), home=home, workers=1)


def client_of(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def place(home):
    """A home, and the address of the server over it."""
    with running_app(app_over(Home(home / "state"))) as url:
        yield Home(home / "state"), url


@pytest.fixture(scope="module")
def client(place):
    return client_of(place[1])


@pytest.fixture(scope="module")
def uploaded(client):
    content = "\n".join(chat_rows()).encode()
    file = client.files.create(file=("chats.jsonl", content), purpose="fine-tune")
    assert client.files.content(file.id).content == content
    return file


@pytest.fixture(scope="module")
def tuned(client, uploaded):
    """A job that succeeded."""
    job = client.fine_tuning.jobs.create(
        model="word-hash",
        training_file=uploaded.id,
        suffix="acts",
        seed=1,
        metadata={"rung": "adapter", "team": "shop"},
        extra_headers={"Idempotency-Key": "once"},
    )
    assert job.status == "queued"
    again = client.fine_tuning.jobs.create(
        model="word-hash",
        training_file=uploaded.id,
        suffix="acts",
        seed=1,
        metadata={"rung": "adapter", "team": "shop"},
        extra_headers={"Idempotency-Key": "once"},
    )
    assert again.id == job.id
    return wait(client, job.id, "succeeded")


def wait(client, job, *states, seconds=120):
    end = time.monotonic() + seconds
    while (found := client.fine_tuning.jobs.retrieve(job)).status not in states:
        assert found.status != "failed", found.error
        assert time.monotonic() < end, found.status
        time.sleep(0.1)
    return found


def test_files_are_listed_page_by_page_and_deleted(client, uploaded):
    others = [
        client.files.create(file=(f"{n}.jsonl", io.BytesIO(b"{}")), purpose="user_data")
        for n in range(3)
    ]
    assert client.files.retrieve(others[0].id).filename == "0.jsonl"
    placed = client.files.create(file=("../../x.jsonl", b"{}"), purpose="evals")
    assert placed.filename == "x.jsonl"
    client.files.delete(placed.id)
    listed = client.files.list(purpose="user_data", limit=2)
    assert [file.id for file in listed.data] == [others[2].id, others[1].id]
    assert [file.id for file in listed] == [file.id for file in others[::-1]]
    for file in others:
        assert client.files.delete(file.id).deleted
    assert [file.id for file in client.files.list()] == [uploaded.id]
    with pytest.raises(openai.NotFoundError):
        client.files.content(others[0].id)


def test_a_job_tells_what_it_brought_and_its_model_answers_at_once(place, client, tuned):
    assert tuned.fine_tuned_model == f"ft:word-hash:acts:{tuned.id[4:12]}"
    assert tuned.trained_tokens > 1000
    assert tuned.seed == 1
    gain = tuned.model_extra["result"]["gain"]
    assert gain["low"] > 0.1
    assert gain["units"] == 32
    events = list(client.fine_tuning.jobs.list_events(tuned.id))
    assert events[0].message == "The job succeeded."
    assert next(event for event in events if event.type == "metrics").data["gain"] == gain
    assert events[-1].message == "128 rows of train became query and document."
    assert any("D060" in each.message and "'positive' → " in each.message for each in events)
    [checkpoint] = client.fine_tuning.jobs.checkpoints.list(tuned.id)
    assert checkpoint.fine_tuned_model_checkpoint == tuned.fine_tuned_model
    found = httpx.get(f"{place[1]}/v1/fine_tuning/jobs/{tuned.id}/verdict").json()
    assert found["improved"] is True
    assert tuned.model_extra["result"]["delivered"] == "tuned"
    assert found["gain"]["difference"]["low"] == pytest.approx(gain["low"])
    report = httpx.get(f"{place[1]}/v1/fine_tuning/jobs/{tuned.id}/report")
    assert "nDCG@10" in report.text
    assert "sandbox" in report.headers["content-security-policy"]


def test_the_tuned_model_gives_the_vectors_that_were_measured(place, client, tuned):
    words = ["fix my old kettle"]
    name = f"{tuned.fine_tuned_model}:query"
    answer = client.embeddings.create(model=name, input=words, encoding_format="float")
    [saved] = load_models([f"one={place[0].models / tuned.id}"]).values()
    expected = saved.finish(saved.encoder.encode_queries(words), "queries")
    assert np.allclose([each.embedding for each in answer.data], expected, atol=1e-6)
    plain = client.embeddings.create(model="word-hash", input=words, encoding_format="float")
    assert not np.allclose(plain.data[0].embedding, expected[0], atol=0.01)
    told = client.models.retrieve(tuned.fine_tuned_model).model_extra
    assert told["stamp"] == saved.stamp != saved.encoder.stamp
    listed = {model.id for model in client.models.list()}
    assert listed == {"word-hash", tuned.fine_tuned_model}
    with pytest.raises(openai.NotFoundError, match=f"There are: {', '.join(sorted(listed)[::-1])}"):
        client.embeddings.create(model="none", input=words)


def test_jobs_are_listed_newest_first_and_by_metadata(client, uploaded, tuned):
    made = [
        client.fine_tuning.jobs.create(
            model="word-hash", training_file=uploaded.id, metadata={"rung": "adapter", "n": str(n)}
        )
        for n in range(2)
    ]
    listed = client.fine_tuning.jobs.list(limit=1)
    assert [job.id for job in listed] == [made[1].id, made[0].id, tuned.id]
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"n": "0"})] == [made[0].id]
    for job in made:
        assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
        with pytest.raises(openai.BadRequestError, match=r"is over \(cancelled\)"):
            client.fine_tuning.jobs.pause(job.id)


def test_a_paused_job_waits_and_goes_on_when_resumed(client, uploaded):
    job = client.fine_tuning.jobs.create(
        model="word-hash", training_file=uploaded.id, metadata={"rung": "adapter"}, seed=2
    )
    wait(client, job.id, "running")
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    time.sleep(0.5)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "paused"
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    wait(client, job.id, "running", "succeeded")
    client.fine_tuning.jobs.cancel(job.id)


def test_a_job_on_what_cannot_be_learned_from_fails_and_says_why(client):
    file = client.files.create(file=("bad.jsonl", b'{"messages": []}\n'), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="word-hash", training_file=file.id)
    job = wait(client, job.id, "failed", seconds=60)
    assert "In line 1 of 'bad.jsonl' no assistant's message answers a user's" in job.error.message


def test_fields_of_other_names_are_told_by_what_a_file_can_call_them(client):
    rows = b"".join(b'{"frage": "q%d", "antwort": "a%d"}\n' % (n, n) for n in range(40))
    file = client.files.create(file=("fragen.jsonl", rows), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="word-hash", training_file=file.id)
    job = wait(client, job.id, "failed", seconds=60)
    assert "'frage', 'antwort'" in job.error.message
    assert job.error.message.endswith("Call each field what it is: query and positive; text1, "
                                      "text2 and score; text and label.")  # fmt: skip


def test_the_guides_program_ends_where_its_job_is_cancelled(home, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs/guide/jobs.md").read_text(encoding="utf-8")
    program = re.search(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    (home / "rows.jsonl").write_text("{}\n")
    monkeypatch.chdir(home)
    app = make_app(passed(load_models(["all-MiniLM-L6-v2=word-hash"])), home=Home(home / "guide"))
    with running_app(app) as url:  # without workers: the job waits until it is cancelled
        jobs = client_of(url).fine_tuning.jobs
        ended = threading.Timer(1, lambda: [jobs.cancel(job.id) for job in jobs.list()])
        ended.start()
        exec(program.replace("http://127.0.0.1:8000", url).replace("sleep(2)", "sleep(0.3)"), {})
        ended.join()
    assert "cancelled" in capsys.readouterr().out


def test_what_cannot_be_asked_is_refused_before_anything_is_queued(client, uploaded):
    create = client.fine_tuning.jobs.create
    right = {"model": "word-hash", "training_file": uploaded.id}
    for wrong, told in (
        ({"model": "gpt-4o"}, "does not exist here"),
        ({"model": "ft:word-hash::0123abcd"}, "tune what it was made of anew. Name one of these"),
        ({"model": "word-hash:query"}, "ask for 'word-hash'"),
        ({"training_file": "file-none"}, "There is no file 'file-none'"),
        ({"metadata": {"rung": "ladder"}}, "no rung 'ladder'"),
        ({"metadata": {"budget": "soon"}}, "a number of seconds"),
        ({"suffix": "a:b"}, "letters, digits"),
        ({"method": {"type": "dpo"}}, "supervised"),
        ({"integrations": [{"type": "wandb"}]}, "there are none here"),
        ({"metadata": {str(n): "" for n in range(17)}}, "at most 16 items"),
        (
            {"metadata": {"rung": "adapter"}, "hyperparameters": {"n_epochs": 2}},
            "recipes of its own",
        ),
    ):
        with pytest.raises((openai.BadRequestError, openai.NotFoundError), match=told):
            create(**{**right, **wrong})


def test_uploads_that_are_no_files_are_refused_and_leave_nothing(place, client, uploaded):
    def post(content, kind=FORM):
        return httpx.post(f"{place[1]}/v1/files", content=content, headers={"content-type": kind})

    part = b'--x\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    file, purpose = part % (b"file", b'; filename="a"', b"{}"), part % (b"purpose", b"", b"evals")
    assert post(b"{}", "application/json").status_code == 415
    for content, told in (
        (file + b"--x--\r\n", "'purpose' says what a file is for"),
        (purpose + b"--x--\r\n", "There is no file"),
        (purpose + file, "breaks off"),
        (file + file + purpose + b"--x--\r\n", "One file a request"),
        (purpose * 17 + b"--x--\r\n", "16 parts"),
        (purpose + part % (b"expires_after[seconds]", b"", b"3600") + file + b"--x--\r\n", "stay"),
        (part % (b"purpose", b"", b"x" * 2000) + b"--x--\r\n", "1024 bytes"),
        (b"no form at all", "no whole form"),
    ):
        answer = post(content)
        assert (answer.status_code, told in answer.json()["error"]["message"]) == (400, True), told
    assert post(file + purpose + b"--x--\r\n").status_code == 200
    with pytest.raises(openai.BadRequestError, match=r"Line 1 of 'g\.jsonl' is no JSON") as refused:
        client.files.create(file=("g.jsonl", b"garbage"), purpose="fine-tune")
    assert (refused.value.code, refused.value.param) == ("invalid_jsonl", "file")
    assert "g.jsonl" not in {each.filename for each in client.files.list()}
    for each in client.files.list(purpose="evals"):
        client.files.delete(each.id)


def test_a_served_winner_is_tuned_from_its_own_encoder(home):
    words = ["lexical", "pretrained", "hybrid"]
    verdict = measure(tiny_task(), encoders=["word-hash"], contenders=words)
    assert verdict.contender.family == "hybrid"
    save_verdict(verdict, home / "out" / "tldr")
    content = {"file": ("rows.jsonl", b"{}")}
    offer = passed(load_models([str(home / "out" / "tldr")]))
    started = _told(Namespace(host="127.0.0.1", tls_cert=None), offer, 8000)
    assert "tldr won with words: they count in searches of collections" in started
    with running_app(make_app(offer, home=Home(home / "other"))) as url:
        post = partial(httpx.post, timeout=10)
        file = post(f"{url}/v1/files", files=content, data={"purpose": "fine-tune"}).json()
        asked = {"model": "tldr", "training_file": file["id"]}
        job = post(f"{url}/v1/fine_tuning/jobs", json=asked).json()
    with closing(Queue(home / "other" / "jobs.db")) as queue:
        assert queue.job(job["id"]).asked["encoder"] == "word-hash"


def test_telnyxs_client_tunes_on_a_bucket_and_asks_the_model_for_vectors(place, uploaded, tuned):
    content = "\n".join(chat_rows()).encode()
    with telnyx.Telnyx(base_url=f"{place[1]}/v2", api_key="none", max_retries=0) as client:
        for name in ("a.jsonl", "b.jsonl"):
            sign = client.storage.buckets.create_presigned_url
            signed = sign(name, bucket_name="chats", body={"ttl": 60}).content.presigned_url
            assert httpx.put(signed, content=content).status_code == 200
        jobs = client.ai.fine_tuning.jobs
        right = {"model": "word-hash", "suffix": "x"}
        rung = {"metadata": {"rung": "adapter"}}
        own = jobs.create(**right, training_file="chats/a.jsonl", extra_body=rung)
        made = [
            jobs.create(**right, training_file=file, hyperparameters={"n_epochs": 1})
            for file in ("chats", "chats/b.jsonl", uploaded.id)
        ]
        assert [job.training_file for job in made] == ["chats", "chats/b.jsonl", uploaded.id]
        assert {job.hyperparameters.n_epochs for job in made} == {1}
        assert [job.id for job in jobs.list().data][:4] == [job.id for job in [*made[::-1], own]]
        for job in made:
            assert jobs.cancel(job.id).status == "cancelled"
        assert jobs.retrieve(tuned.id).model_extra["fine_tuned_model"] == tuned.fine_tuned_model
        for wrong in ("none", "chats/none", ".files", "file-none"):
            with pytest.raises(telnyx.BadRequestError) as refused:
                jobs.create(**right, training_file=wrong)
            [error] = refused.value.response.json()["errors"]
            assert error["source"]["pointer"] == "/training_file"
        end = time.monotonic() + 120
        while (own := jobs.retrieve(own.id)).status in ("queued", "running"):
            assert time.monotonic() < end, own
            time.sleep(0.1)
        assert own.status == "succeeded", own
        name = own.model_extra["fine_tuned_model"]
        words = ["fix my old kettle"]
        found = client.ai.openai.embeddings.create_embeddings(model=name, input=words).data
        models = client.ai.openai.embeddings.list_embedding_models().data
    assert {name, "word-hash"} <= {each.id for each in models}
    [saved] = load_models([f"one={place[0].models / own.id}"]).values()
    expected = saved.finish(saved.encoder.encode_documents(words), "documents")
    assert np.allclose([each.embedding for each in found], expected, atol=1e-6)


def test_after_a_restart_the_model_is_served_until_it_is_deleted(place, client, tuned):
    name = tuned.fine_tuned_model
    before = client.embeddings.create(model=name, input="mend a kettle").data[0].embedding
    alike = f"alike={place[0].models / tuned.id}"  # the same vectors by another name
    with running_app(make_app(passed(load_models(["word-hash", alike])), home=place[0])) as url:
        other = client_of(url)
        assert (
            other.embeddings.create(model=name, input="mend a kettle").data[0].embedding == before
        )
        fill_notes(place[0], name, tuned.id)
        asked = {"bucket_name": "notes", "query": "kettle"}
        for at in (url, place[1]):
            [found] = searched(at, **asked).json()["data"]
            assert found["metadata"]["embedding"] == name
        httpx.put(f"{place[1]}/v2/storage/buckets/notes/a.txt", content=b"mend")
        plain = {"bucket_name": "notes", "embedding_model": "word-hash"}
        answer = httpx.post(f"{place[1]}/v2/ai/embeddings", json=plain)
        assert f"'notes' is embedded by '{name}'" in answer.json()["errors"][0]["detail"]
        assert other.models.delete(name).deleted
    assert_only_words_are_searched(place[1], name, asked)
    with pytest.raises(openai.NotFoundError, match="does not exist here"):
        client.embeddings.create(model=name, input="mend a kettle")
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("word-hash")
    assert client.fine_tuning.jobs.retrieve(tuned.id).status == "succeeded"


def fill_notes(home, name, job):
    """A bucket of one chunk that the tuned model embedded."""
    [model] = load_models([f"{name}={home.models / job}"]).values()
    with closing(open_store(str(home.collections))) as store:
        encoder, source = encoder_of(model), str((home.models / job).resolve())
        made = Collection.create(store, "notes", encoder, source=source)
        made.add([Chunk("a#0", "a", "mend a kettle", 0, 13, 0, 1, "", {})])


def searched(url, **asked):
    return httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked)


def assert_only_words_are_searched(url, name, asked):
    answer = searched(url, **asked)
    assert answer.status_code == 422
    assert f"made by '{name}'" in answer.json()["errors"][0]["detail"]
    [found] = searched(url, **asked, by="words").json()["data"]
    assert (found["document_chunk"], found["distance"]) == ("mend a kettle", None)
    assert found["metadata"]["embedding"] == name
    assert searched(url, **asked).status_code == 422  # what words opened serves no vectors
