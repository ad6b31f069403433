"""What is saved is what was measured: in plain sentence-transformers, and for a hosted encoder."""

import json

import numpy as np
import pytest

import tunewise
from endpoint import Endpoint
from tunewise.cli import main
from tunewise.contenders import TABLE, Setting, load_contender, save_contender
from tunewise.data.split import divide
from tunewise.task import Task, Texts
from tunewise.testing import WordHashEncoder, tiny_task
from tunewise.training.adapter import Adapter, load_adapter

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_cache")]

NEAR = 1e-5
KEY = "sk-never-to-be-written-down"
INVENTED = {
    "fix": "blick", "scrub": "wibble", "paint": "snorf", "haul": "quaz",
    "stash": "drimp", "borrow": "flane", "sell": "gortch", "make": "plonk",
}  # fmt: skip
STRANGE = [
    "",
    " ",
    "Wie öffnet man ein Fenster?",
    "窓を開ける",
    "word " * 600,
    "a",
    "\U0001f511 key",
]
NAMES = ("pretrained", "adapter-query", "adapter-both")


@pytest.fixture(scope="module")
def task():
    """The tiny task with invented verbs in its queries: only an adapter can learn those."""
    plain = tiny_task()
    queries = [
        f"{INVENTED[verb]} {rest}"
        for verb, rest in (text.split(" ", 1) for text in plain.queries.texts)
    ]
    return Task(plain.documents, Texts(plain.queries.ids, queries), plain.judgments, source="tiny")


@pytest.fixture(scope="module")
def texts():
    """Real texts of every length, and strange ones: what a saved model is tried on."""
    real = tunewise.read_task("docstrings:json,argparse")
    return [*STRANGE, *real.documents.texts[:60], *real.queries.texts[:60]]


@pytest.fixture(scope="module")
def encoder():
    return tunewise.load_encoder()


@pytest.fixture(scope="module")
def fitted(task, encoder):
    setting = Setting(divide(task).training, [encoder], "nDCG@10")
    found = [*TABLE["pretrained"].fit(setting, []), *TABLE["adapter"].fit(setting, [])]
    return {contender.name: contender for contender in found}


@pytest.fixture(scope="module")
def folders(fitted, tmp_path_factory):
    """Each contender's folder."""
    home = tmp_path_factory.mktemp("saved")
    for name, contender in fitted.items():
        save_contender(contender, home / name)
    return {name: home / name for name in fitted}


@pytest.fixture(scope="module")
def plain(folders):
    """Each folder as plain sentence-transformers loads it, by nothing but its path."""
    from sentence_transformers import SentenceTransformer

    return {name: SentenceTransformer(str(folder)) for name, folder in folders.items()}


def evaluated(folder, encoder, texts):
    """The vectors that were measured: the encoder's, through the saved maps if there are any."""
    kept = folder / "adapter.safetensors"
    adapter = load_adapter(kept) if kept.exists() else Adapter(None, None)
    queries, documents = encoder.encode_queries(texts), encoder.encode_documents(texts)
    return adapter.queries(queries), adapter.documents(documents)


def test_the_adapters_learned_something_so_that_there_are_maps_to_save(folders):
    query, both = (load_adapter(folders[name] / "adapter.safetensors") for name in NAMES[1:])
    assert query.query_map is not None
    assert query.document_map is None
    assert both.query_map is not None
    assert both.document_map is not None


@pytest.mark.parametrize("name", NAMES)
def test_plain_sentence_transformers_gives_the_evaluated_vectors(
    name, folders, plain, encoder, texts
):
    queries, documents = evaluated(folders[name], encoder, texts)
    assert np.abs(plain[name].encode_query(texts) - queries).max() < NEAR
    assert np.abs(plain[name].encode_document(texts) - documents).max() < NEAR


@pytest.mark.parametrize("name", NAMES)
def test_plain_sentence_transformers_gives_the_scores_of_the_measured_rankings(
    name, fitted, plain, task
):
    some = task.queries.take(range(0, 128, 9))
    cosines = (
        plain[name].encode_query(some.texts) @ plain[name].encode_document(task.documents.texts).T
    )
    rankings = fitted[name].rank(some)
    for row in range(len(some)):
        ids, scores = zip(*rankings.best(row, 20), strict=True)
        places = [task.documents.position[document] for document in ids]
        assert np.abs(cosines[row, places] - scores).max() < NEAR


def test_a_text_encoded_alone_has_the_vector_it_has_among_others(plain, texts):
    model = plain["adapter-both"]
    among = model.encode_document(texts[:20])
    alone = np.stack([model.encode_document(text) for text in texts[:20]])
    assert np.abs(among - alone).max() < NEAR


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_folder_is_an_encoder_too_with_the_same_vectors(name, folders, encoder, texts):
    queries, documents = evaluated(folders[name], encoder, texts)
    again = tunewise.load_encoder(folders[name])
    assert again.dimension == encoder.dimension
    assert again.max_tokens == encoder.max_tokens
    assert np.abs(again.encode_queries(texts) - queries).max() < NEAR
    assert np.abs(again.encode_documents(texts) - documents).max() < NEAR


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_folder_loads_with_remote_code_and_pickles_off(name, folders):
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(
        str(folders[name]),
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True},
    )
    files = [path for path in folders[name].rglob("*") if path.is_file()]
    assert any(path.name == "model.safetensors" for path in files)
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".txt"}
    assert not [path for path in folders[name].rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_contender_ranks_as_it_was_measured(name, fitted, folders, task):
    some = task.queries.take(range(0, 128, 9))
    again = load_contender(folders[name], task.documents)
    before, after = fitted[name].rank(some), again.rank(some)
    assert again.name == name
    assert [after.best(row, 10) for row in range(len(some))] == [
        before.best(row, 10) for row in range(len(some))
    ]


def test_a_saved_model_is_moved_and_still_loads(folders, tmp_path, texts, plain):
    from sentence_transformers import SentenceTransformer

    folders["adapter-both"].rename(tmp_path / "moved")
    try:
        moved = SentenceTransformer(str(tmp_path / "moved"))
    finally:
        (tmp_path / "moved").rename(folders["adapter-both"])
    np.testing.assert_array_equal(
        moved.encode_query(texts[:9]), plain["adapter-both"].encode_query(texts[:9])
    )


@pytest.fixture(scope="module")
def endpoint():
    """A hosted encoder on 127.0.0.1 that wants the key and hashes words; gives its base URL."""
    words = WordHashEncoder(48)

    def answer(body):
        vectors = words.encode_documents(body["input"]).tolist()
        data = [{"index": place, "embedding": row} for place, row in enumerate(vectors)]
        known = served.headers[-1].get("Authorization") == f"Bearer {KEY}"
        good = {"data": data, "usage": {"prompt_tokens": 7 * len(data)}}
        return (200, {}, good) if known else (401, {}, {})

    served = Endpoint(answer)
    yield served.url
    served.close()


@pytest.fixture(scope="module")
def hosted(task, endpoint, tmp_path_factory):
    """The folder of a measurement with the hosted encoder: data/, out/ and cache/."""
    home = tmp_path_factory.mktemp("hosted")
    tunewise.write_task(task, home / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEWISE_API_KEY", KEY)
        patch.setenv("TUNEWISE_CACHE", str(home / "cache"))
        options = ["--encoder", "openai:stand-in", "--base-url", endpoint]
        arguments = ["measure", str(home / "data"), "--try", "pretrained,adapter", *options]
        assert main([*arguments, "--out", str(home / "out")]) == 0
        yield home


def test_an_adapter_is_trained_on_a_hosted_encoder_and_wins(hosted):
    facts = json.loads((hosted / "out" / "verdict.json").read_text(encoding="utf-8"))
    names = [contender["name"] for contender in facts["contenders"]]
    assert names == ["pretrained", "adapter-query", "adapter-both"]
    saved = json.loads((hosted / "out" / "model" / "tunewise.json").read_text(encoding="utf-8"))
    assert saved["family"] == "adapter"
    assert {path.name for path in (hosted / "out" / "model").iterdir()} == {
        "tunewise.json", "adapter.safetensors",
    }  # fmt: skip


def test_a_year_with_a_hosted_encoder_is_priced_by_the_tokens_it_charged(hosted):
    facts = json.loads((hosted / "out" / "verdict.json").read_text(encoding="utf-8"))
    plain = facts["timing"]["costs"]["contenders"]["pretrained"]
    # 7 tokens a text at 0.02 a million: the documents once, and 365,000 queries
    embedded = facts["data"]["documents"] * 7 / 1e6 * 0.02
    assert plain["embedding"]["money"] == pytest.approx(embedded, abs=1e-6)
    ranked = 365 * facts["timing"]["contenders"]["pretrained"]["rank_ms"] / 3600 * 0.0816
    assert plain["serving"]["money"] == pytest.approx(0.0511 + ranked, rel=1e-3)
    assert plain["waiting"]["hours"] is not None
    assert (plain["embedding"]["hours"], plain["total"]["kwh"]) == (None, None)


def test_an_adapter_on_a_hosted_encoder_is_loaded_again_and_searched(hosted, task, capsys):
    model = load_contender(hosted / "out" / "model", task.documents)
    [(best, _)] = model.rank(Texts(["mine"], ["blick my old violin"])).best(0, 1)
    assert task.documents.text(best).startswith("How to mend a violin")
    assert main(["search", str(hosted / "out"), "blick my old violin"]) == 0
    assert "How to mend a violin" in capsys.readouterr().out


def test_the_key_is_in_no_file_that_was_written(hosted):
    files = [path for path in hosted.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_without_the_key_the_endpoints_refusal_is_told(hosted, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TUNEWISE_API_KEY")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    assert main(["search", str(hosted / "out"), "words"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("tunewise: ")
    assert "401" in said
