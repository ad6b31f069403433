"""What a tuning leaves behind: facts, card, page and text say the same, and what is needed."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tunewise
from tunewise.errors import OutputError
from tunewise.report import tuned_text
from tunewise.report.card import called, model_card, tuned_page
from tunewise.report.tuned import check_tuned_place, licence, rounded, tuned_facts
from tunewise.testing import WordHashEncoder, tiny_task
from tunewise.training.recipe import recipe_of

pytestmark = pytest.mark.slow  # importing torch alone takes seconds

OTHERS = {"rung": "full", "epochs": 3, "learning_rate": 3e-3, "matryoshka": (24, 8)}


@pytest.fixture(scope="module")
def tuning(word_model, tmp_path_factory):
    """Tuned with everything a report can tell of."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEWISE_CACHE", str(home / "cache"))
        other = replace(tiny_task(), source="another", relevant_from=0.5)
        yield tunewise.tune(tiny_task(), encoder=str(word_model), keep=other, **OTHERS)


@pytest.fixture(scope="module")
def saved(tuning, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "out"
    return folder, tunewise.save_tuned(tuning, folder)


def test_all_that_is_promised_lies_in_the_folder(saved):
    folder, facts = saved
    assert {path.name for path in folder.iterdir()} == {
        "model", "base", "README.md", "recipe.json", "report.html", "tuned.json",
    }  # fmt: skip
    assert json.loads((folder / "tuned.json").read_text(encoding="utf-8")) == facts
    kept = json.loads((folder / "model" / "tunewise.json").read_text(encoding="utf-8"))
    assert kept["family"] == "full"


def test_plain_sentence_transformers_loads_the_vectors_that_were_measured(saved, tuning):
    from sentence_transformers import SentenceTransformer

    texts = tiny_task().queries.texts[:20]
    plain = SentenceTransformer(str(saved[0] / "model"), device="cpu")
    ours = tuning.outcome.contender.encoder.encode_queries(texts)
    theirs = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(theirs - ours).max() < 1e-5


def test_no_weights_are_pickled(saved):
    assert not [path for path in saved[0].rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]


def test_the_recipe_says_all_it_takes_to_make_the_model_again(saved, tuning):
    recipe = json.loads((saved[0] / "recipe.json").read_text(encoding="utf-8"))
    assert recipe_of(recipe["recipe"]) == tuning.run.recipe
    assert recipe["data"]["fingerprint"] == tiny_task().fingerprint
    assert recipe["encoder"]["stamp"] == tuning.encoder.stamp
    assert recipe["command"].startswith("tunewise tune tiny --rung full --kind retrieval")
    assert "--matryoshka 24,8" in recipe["command"]
    assert {"tunewise", "torch", "sentence-transformers"} <= set(recipe["versions"])


def test_the_card_has_data_split_recipe_gain_limits_time_energy_and_licence(saved):
    card = (saved[0] / "README.md").read_text(encoding="utf-8")
    gain = saved[1]["gain"]
    assert f"{gain['base']['mean']:.3f} → {gain['tuned']['mean']:.3f}" in card
    for told in (
        f"fingerprint `{tiny_task().fingerprint}`",
        "Split (queries): train 77, dev 19, test 32",
        "Learned from 77 rows (pairs)",
        "## Limits",
        "an estimate and not a measurement",
        "unknown: look at the base's own card",
        "16 of 48 dimensions keep",
        'base_model: "word-model"',
    ):
        assert told in card, told


def test_card_and_page_name_no_folder_of_this_machine(saved, word_model):
    card = (saved[0] / "README.md").read_text(encoding="utf-8").partition("## Limits")[0]
    assert str(word_model.parent) not in card.replace(saved[1]["reproduce"], "")
    assert called("intfloat/e5-small") == "intfloat/e5-small"


def test_the_page_draws_training_and_frontier_and_fetches_nothing(saved):
    page = (saved[0] / "report.html").read_text(encoding="utf-8")
    assert '<title id="scores-title">Dev score by step</title>' in page
    assert '<title id="losses-title">' in page
    assert '<title id="points-title">' in page
    assert "Fewer dimensions" in page
    assert "<script" not in page
    assert re.findall(r"https?://", page) == []


def test_texts_in_the_page_are_escaped(saved):
    told = {**saved[1], "reason": "<b>better</b>", "notes": ["<script>alert(1)</script>"]}
    page = tuned_page(told)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_text_says_gain_loss_recipe_and_frontier_within_its_width(saved):
    text = tuned_text(saved[1], width=90)
    assert text.startswith("Tuned (full): nDCG@10 0.")
    assert "- Loss: ranking (pairs without negatives" in text
    assert "3 epochs of 77 rows" in text
    assert "delivered" in text
    assert max(map(len, text.partition("\n\n  metric")[0].splitlines())) <= 90


def test_the_base_that_is_delivered_is_called_that(saved):
    told = {**saved[1], "improved": False, "reason": "nothing did better"}
    assert tuned_text(told).startswith("The base is delivered as it is: nDCG@10 0.")
    assert "The base stays." in tuned_page(told)
    assert "The base is delivered as it is" in model_card(told)


def test_what_differs_from_run_to_run_is_under_timing_alone(tuning):
    one, other = (
        tuned_facts(tuning),
        tuned_facts(replace(tuning, seconds=9.0, training_seconds=1.0)),
    )
    assert one.pop("timing") != other.pop("timing")
    assert one == other


def test_an_adapter_has_a_card_and_a_page_too(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    tuning = tunewise.tune(tiny_task(), rung="adapter", encoder=WordHashEncoder())
    facts = tunewise.save_tuned(tuning, tmp_path / "out")
    assert "a map of" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert facts["training"] is None
    assert facts["keep"] is None


def test_the_licence_is_the_one_that_the_bases_own_card_states(tmp_path):
    class Held:
        folder = tmp_path

    assert licence(Held()).startswith("unknown")
    (tmp_path / "README.md").write_text("---\ntags: [x]\nlicense: apache-2.0\n---\nText\n")
    assert licence(Held()) == "apache-2.0"
    (tmp_path / "README.md").write_text("No head.\nlicense: mit\n")
    assert licence(Held()).startswith("unknown")


def test_small_numbers_keep_their_digits():
    assert rounded({"rate": 1.25e-6, "score": 0.12345678, "zero": -0.0}) == {
        "rate": 1.25e-6, "score": 0.123457, "zero": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["README.md", "recipe.json", "model/weights.txt"])
def test_somebody_elses_files_are_left_alone(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match="was not written by Tunewise"):
        check_tuned_place(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_what_was_tuned_before_may_be_replaced(saved):
    check_tuned_place(saved[0])


@pytest.mark.skipif(os.name == "nt", reason="another kind of permission there")
def test_a_place_that_is_a_file_is_refused(tmp_path: Path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="Cannot write to"):
        check_tuned_place(tmp_path / "out")
