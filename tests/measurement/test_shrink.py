"""shrink: the smallest form that surely keeps enough, confirmed on test, kept and loaded again."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

import tunewise
from tunewise.contenders import TABLE, Setting
from tunewise.contenders.shrunk import save_compact, shrunk
from tunewise.data.split import divide
from tunewise.encoders import WordHashEncoder
from tunewise.errors import DataError, EncoderError, OptionError
from tunewise.measurement.shrink import Measured, forms_of
from tunewise.metrics import score
from tunewise.report import save_shrunk, shrunk_text
from tunewise.retrieval.compact import Form
from tunewise.task import Texts
from tunewise.testing import tiny_task

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_cache")]


@pytest.fixture(scope="module")
def task():
    return tiny_task()


@pytest.fixture(scope="module")
def contenders(task):
    """lexical, pretrained and hybrid over a hash of words."""
    setting = Setting(divide(task).training, [WordHashEncoder(96)], "nDCG@10")
    earlier = []
    for word in ("lexical", "pretrained", "hybrid"):
        earlier += TABLE[word].fit(setting, earlier)
    return {one.name: one for one in earlier}


@pytest.fixture(scope="module")
def found(task, contenders):
    return tunewise.shrink(contenders["pretrained"], task, keep=0.8)


@pytest.fixture
def few_forms(monkeypatch):
    """A third of each cut's forms is tried, for tests that do not ask for a certain one."""
    room = import_module("tunewise.measurement.shrink")
    every = room._of_cut
    monkeypatch.setattr(room, "_of_cut", lambda *cut: every(*cut)[::3])


def test_the_smallest_form_that_surely_keeps_enough_is_chosen(found):
    enough = [one for one in found.forms if one.spare.low >= 0]
    assert found.chosen.total == min(one.total for one in enough)
    assert found.chosen.total < 4 * 96
    assert found.chosen.holds


def test_what_is_small_may_be_the_copy_that_is_searched(task, contenders, found):
    other = tunewise.shrink(contenders["pretrained"], task, keep=0.8, by="searched")
    enough = [one for one in other.forms if one.holds]
    assert other.chosen.searched == min(one.searched for one in enough)
    assert other.chosen.searched <= found.chosen.searched


def test_the_frontier_has_no_form_that_another_beats(found):
    sizes = [one.total for one in found.frontier]
    scores = [one.score for one in found.frontier]
    assert sizes == sorted(set(sizes))
    assert scores == sorted(set(scores))
    for one in found.forms:
        assert any(best.total <= one.total and best.score >= one.score for best in found.frontier)


def test_whole_vectors_keep_all_of_it(found):
    [whole] = [one for one in found.forms if one.form.size == 96 and one.form.cut == "prefix"
               and one.form.numbers == "float32"]  # fmt: skip
    assert whole.kept == 1.0
    assert whole.score == pytest.approx(found.whole[0])
    assert whole.total == 384


def test_test_confirms_the_very_form_that_is_kept(task, contenders, found, tmp_path):
    """The contender that search loads gives on test what the shrink reports."""
    save_compact(found.compact, contenders["pretrained"], found.task.documents, tmp_path / "form")
    small = shrunk(contenders["pretrained"], tmp_path / "form", task.documents)
    test = divide(task).test
    scores = score(small.rank(test.part.queries), test.part.judgments, ["nDCG@10"])
    assert scores.mean("nDCG@10") == pytest.approx(found.confirmed.score, abs=1e-9)
    assert small.bytes_per_document == found.chosen.total


@pytest.mark.parametrize("name", ["pretrained", "hybrid"])
@pytest.mark.parametrize("again", ["query", "int8"])
def test_what_is_served_is_what_was_measured_beyond_the_candidates(
    task, name, again, tmp_path, monkeypatch
):
    """With more documents than any search looks at, and a form that scores few of them again."""
    more = [f"{text} Part {n}." for n in range(10) for text in task.documents.texts]
    crowded = replace(task, documents=Texts([f"d{n}" for n in range(len(more))], more))
    setting = Setting(divide(crowded).training, [WordHashEncoder(96)], "nDCG@10")
    earlier = []
    for word in ("lexical", "pretrained", "hybrid"):
        earlier += TABLE[word].fit(setting, earlier)
    [contender] = [one for one in earlier if one.name == name]
    form = Form(96, numbers="binary", again=again, candidates=15)
    room = import_module("tunewise.measurement.shrink")
    monkeypatch.setattr(room, "forms_of", lambda *_, **__: [form])
    found = tunewise.shrink(contender, crowded, keep=0.01)
    assert found.chosen.form == form
    save_compact(found.compact, contender, found.task.documents, tmp_path / "form")
    small = shrunk(contender, tmp_path / "form", crowded.documents)
    test = divide(crowded).test
    scores = score(small.rank(test.part.queries), test.part.judgments, ["nDCG@10"])
    assert scores.mean("nDCG@10") == pytest.approx(found.confirmed.score, abs=1e-9)


def test_a_metric_that_looks_further_scores_more_again(task, contenders):
    near, far = (forms_of(96, k=k) for k in (10, 100))
    assert {form.candidates for form in near} == {0, 40, 160}
    assert {form.candidates for form in far} == {0, 400, 1600}


def test_a_hybrid_is_measured_with_its_words(task, contenders, few_forms, tmp_path):
    hybrid = contenders["hybrid"]
    found = tunewise.shrink(hybrid, task, keep=0.9)
    assert found.whole[0] == pytest.approx(
        score(hybrid.dev, divide(task).training.dev.judgments, ["nDCG@10"]).mean("nDCG@10")
    )
    save_compact(found.compact, hybrid, found.task.documents, tmp_path / "form")
    small = shrunk(hybrid, tmp_path / "form", task.documents)
    assert any("words alone" in note for note in tunewise.shrink(hybrid, task, keep=0.1).notes)
    words = contenders["lexical"].bytes_per_document
    assert small.bytes_per_document == found.chosen.total + words


def test_where_nothing_surely_keeps_enough_the_vectors_stay(
    task, contenders, few_forms, monkeypatch
):
    monkeypatch.setattr(Measured, "holds", property(lambda _: False))
    found = tunewise.shrink(contenders["pretrained"], task)
    assert (found.chosen.form.size, found.chosen.form.numbers) == (96, "float32")
    assert any("stay as they are" in note for note in found.notes)


def test_prefixes_that_were_trained_for_take_the_place_of_components():
    sizes = {form.size for form in forms_of(96, [64, 32])}
    cuts = {form.cut for form in forms_of(96, [64, 32])}
    assert (sizes, cuts) == ({96, 64, 32}, {"prefix"})
    assert {form.cut for form in forms_of(96)} == {"prefix", "pca"}


def test_nothing_is_sure_of_few_groups_or_of_nothing(task, contenders, few_forms):
    places = range(30)
    ids = [f"q{n}" for n in places]
    few = replace(
        task,
        queries=Texts(ids, [task.documents.texts[n] for n in places]),
        judgments={query: {f"d{n}": 1.0} for n, query in enumerate(ids)},
    )
    found = tunewise.shrink(contenders["pretrained"], few)
    assert not found.chosen.holds
    assert any("groups of queries, and below 15 nothing is sure" in note for note in found.notes)
    count = len(task.queries)
    wrong = {f"q{n}": {f"d{(n + count // 2) % count}": 1.0} for n in range(count)}
    found = tunewise.shrink(
        contenders["pretrained"], replace(task, judgments=wrong), metric="MRR@1"
    )
    assert found.whole[0] == 0
    assert found.chosen.kept == 0
    assert (found.chosen.form.numbers, found.chosen.total) == ("float32", 384)


def test_every_look_at_test_is_counted(task, contenders, few_forms):
    looks = [
        {"keep": 0.31},
        {"keep": 0.32},
        {"keep": 0.32, "matryoshka": [48]},
        {"keep": 0.32, "matryoshka": [48], "metric": "MRR@10"},
        {"keep": 0.32, "matryoshka": [48], "metric": "MRR@10"},
    ]
    uses = [tunewise.shrink(contenders["pretrained"], task, **look).test_use for look in looks]
    assert np.diff(uses).tolist() == [1, 1, 1, 0]


def test_what_is_spared_is_reckoned_against_the_share_that_was_asked(task, contenders, few_forms):
    for keep in (0.5, 0.9):
        found = tunewise.shrink(contenders["pretrained"], task, keep=keep)
        for one in found.forms:
            assert one.spare.mean == pytest.approx(one.score - keep * found.whole[0])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"keep": 0}, "share to keep is 0"),
        ({"keep": 1.5}, "share to keep is 1.5"),
        ({"by": "both"}, "total or searched, not 'both'"),
        ({"matryoshka": [200]}, "200 numbers was asked for, and the vectors have 96"),
        ({"metric": "nDGC@10"}, "nDGC"),
        ({"metric": "Recall@500"}, "looks at 500 places, and a ranking here has 200"),
    ],
)
def test_senseless_wishes_are_refused(task, contenders, options, told):
    with pytest.raises(OptionError, match=told):
        tunewise.shrink(contenders["pretrained"], task, **options)


def test_words_have_no_vectors_to_shrink(task, contenders):
    with pytest.raises(DataError, match="compares no vectors"):
        tunewise.shrink(contenders["lexical"], task)


def test_a_form_of_another_contender_or_a_damaged_one_is_refused(task, contenders, found, tmp_path):
    path = tmp_path / "form"
    save_compact(found.compact, contenders["pretrained"], task.documents, path)
    with pytest.raises(DataError, match="was made for 'pretrained'"):
        shrunk(contenders["hybrid"], path, task.documents)
    turned = _turned(contenders["pretrained"])
    with pytest.raises(DataError, match="tuned or fused otherwise"):
        shrunk(turned, path, task.documents)
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="holds no form of vectors"):
        shrunk(contenders["pretrained"], path, task.documents)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="holds no form of vectors"):
        shrunk(contenders["pretrained"], path, task.documents)


def _turned(contender):
    """The same contender by name and stamp, with other vectors: as if its map had been learned
    anew."""

    def encode(texts, side):
        vectors = contender.encode(texts, side)
        return vectors if side == "documents" else np.roll(vectors, 1, axis=1)

    return replace(contender, encode=encode)


@pytest.mark.parametrize(
    "changed",
    [
        {"form": Form(8, numbers="int4")},
        {"form": Form(999)},
        {"form": Form(8, numbers="int8")},
        {"form": Form(8, numbers="binary", again="int8")},
        {"middle": np.full(3, np.nan, dtype=np.float32)},
        {"dimension": 4},
    ],
)
def test_a_form_that_cannot_be_is_refused(task, contenders, found, changed, tmp_path):
    save_compact(
        replace(found.compact, **changed), contenders["pretrained"], task.documents, tmp_path / "x"
    )
    with pytest.raises(DataError, match="holds no form of vectors"):
        shrunk(contenders["pretrained"], tmp_path / "x", task.documents)


def test_vectors_that_are_not_finite_are_refused(task, contenders):
    contender = contenders["pretrained"]

    def encode(texts, side):
        return contender.encode(texts, side) * np.float32(np.nan)

    with pytest.raises(EncoderError, match="NaN"):
        tunewise.shrink(replace(contender, encode=encode), task)


def test_the_report_tells_bytes_quality_and_money(found, tmp_path):
    facts = save_shrunk(found, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "shrink.json", "shrink.html", "shrink.safetensors"
    }  # fmt: skip
    told = shrunk_text(facts, width=100)
    assert f"{found.chosen.total} bytes a document in place of 384" in " ".join(told.split())
    million = facts["costs"][0]
    assert million["bytes"]["whole"] == 384 * 10**6
    assert million["money_a_month"]["whole"] == pytest.approx(0.384 * 0.10)
    assert "<svg" in (tmp_path / "shrink.html").read_text()
    assert np.isfinite(facts["confirmed"]["spare"]["low"])
