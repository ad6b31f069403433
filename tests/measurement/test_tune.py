"""tune: what is delivered, what is measured, what is refused before anything is trained."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tunewise
from tunewise.data.split import divide
from tunewise.encoders import load_folder
from tunewise.errors import DataError, EncoderError, OptionError
from tunewise.metrics import score
from tunewise.retrieval import nearest
from tunewise.task import Task, Texts
from tunewise.testing import WordHashEncoder, tiny_task

pytestmark = pytest.mark.slow

QUICK = {"epochs": 3, "learning_rate": 3e-3, "keep": None}
ONCE = QUICK | {"epochs": 1}  # where it does not matter what is learned


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """A folder of its own for the cache and the data."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEWISE_CACHE", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def full(word_model):
    """Tuned in full, with another task looked at, of which much may be lost."""
    return tunewise.tune(tiny_task(), **kept(word_model))


def kept(word_model):
    other = {"keep": other_task(), "keep_loss": 0.5}
    return {"rung": "full", "encoder": str(word_model), **QUICK, **other}


def other_task():
    """Twenty names of things that find what repeats them."""
    things = ["kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor"]
    names = [f"{one} {other}" for one in things[:4] for other in things[3:]]
    numbers = range(len(names))
    return Task(
        Texts([f"d{n}" for n in numbers], [f"well {name} well" for name in names]),
        Texts([f"q{n}" for n in numbers], names),
        {f"q{n}": {f"d{n}": 1.0} for n in numbers},
        source="others",
    )


def table(path: Path, head, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return tunewise.read_examples(path)


@pytest.fixture(scope="module")
def scored(home):
    """Queries with documents: the right one 5, one about the same act or thing 2, others 0."""
    task, draw = tiny_task(), np.random.default_rng(0)
    rows = []
    for place, query in enumerate(task.queries.texts):
        other = int(draw.integers(0, 128))
        alike = 2 * (other // 16 == place // 16) + 2 * (other % 16 == place % 16)
        rows += [(query, task.documents.texts[place], 5), (query, task.documents.texts[other],
                                                           min(alike, 2))]  # fmt: skip
    return table(home / "scored.csv", ["sentence1", "sentence2", "score"], rows)


@pytest.fixture(scope="module")
def labelled(home):
    """Queries labelled by their thing, which other words and no order give away."""
    rows = [(text, text.split()[-1]) for text in tiny_task().queries.texts]
    return table(home / "labelled.csv", ["text", "label"], rows)


def test_a_tuned_encoder_that_is_better_is_delivered_and_measured_on_test(full):
    assert full.improved
    assert full.gain.metric == "nDCG@10"
    assert full.measured_on == "test"
    assert full.gain.difference.low > 0
    assert full.outcome.dev[1] > full.outcome.dev[0]
    assert [gain.metric for gain in full.gains][:2] == ["nDCG@10", "Recall@10"]
    assert full.loss.name == "ranking"
    assert full.data["counts"] == {"train": 77, "dev": 19, "test": 32}


def test_what_is_measured_is_what_the_delivered_encoder_gives(full):
    task, test = tiny_task(), divide(tiny_task()).test.part
    encoder = load_folder(full.outcome.contender.encoder.folder, name="again", cache=False)
    found = nearest(
        encoder.encode_queries(test.queries.texts),
        encoder.encode_documents(task.documents.texts),
        test.queries.ids,
        task.documents.ids,
    )
    mean = score(found, test.judgments, ["nDCG@10"]).mean("nDCG@10")
    assert full.gain.tuned.mean == pytest.approx(mean, abs=1e-6)


def test_the_frontier_runs_from_the_base_to_the_tuned_weights(full):
    shares = [point.share for point in full.run.frontier]
    assert (shares[0], shares[-1]) == (0, 1)
    assert all(point.kept is not None for point in full.run.frontier)
    assert full.other.queries == 20
    chosen = next(p for p in full.run.frontier if p.share == full.outcome.share)
    assert chosen.kept >= full.run.frontier[0].kept - 0.5


def test_the_same_call_again_trains_nothing_and_is_the_same_use_of_test(full, word_model):
    again = tunewise.tune(tiny_task(), **kept(word_model))
    assert again.gains == full.gains
    assert again.data["test_use"] == full.data["test_use"] == {"ordinal": 1, "earlier": 0}
    assert again.training_seconds == full.training_seconds


def test_what_costs_more_elsewhere_than_allowed_is_not_delivered(word_model):
    tuning = tunewise.tune(tiny_task(), **kept(word_model) | {"keep_loss": 0})
    assert tuning.run.best().share > 0
    assert not tuning.improved
    assert "costs more than 0 on the other task: the base is delivered" in tuning.outcome.reason


def test_what_does_no_better_on_dev_is_not_delivered(word_model):
    tuning = tunewise.tune(
        tiny_task(), rung="full", encoder=str(word_model), **QUICK | {"learning_rate": 1e-12}
    )
    assert not tuning.improved
    assert "the base is delivered" in tuning.outcome.reason
    assert tuning.gain.difference.mean == 0
    assert tuning.outcome.contender.family == "pretrained"


def test_scored_pairs_are_measured_by_correlations(scored, word_model):
    tuning = tunewise.tune(scored, rung="full", encoder=str(word_model), **QUICK)
    assert [gain.metric for gain in tuning.gains] == ["Spearman", "Pearson"]
    assert (tuning.loss.name, tuning.kind, tuning.metric) == ("cosent", "scored", "Spearman")
    assert tuning.improved
    assert tuning.gain.difference.low > 0


def test_labelled_texts_are_measured_by_the_vote_of_their_neighbours(labelled, word_model):
    tuning = tunewise.tune(labelled, rung="partial", encoder=str(word_model), **ONCE)
    assert [gain.metric for gain in tuning.gains] == ["accuracy"]
    assert tuning.data["units"] == "texts"
    assert tuning.gain.units == tuning.data["counts"]["test"]


def test_without_a_test_part_dev_is_told_and_marked(scored, word_model):
    parts = np.where(scored.parts == "test", "train", scored.parts)
    untested = replace(scored, parts=parts)
    tuning = tunewise.tune(untested, rung="full", encoder=str(word_model), **ONCE)
    assert tuning.measured_on == "dev"
    assert any("there is no test part" in note for note in tuning.notes)
    assert tuning.data["test_use"] is None


def test_prefixes_are_measured_with_and_without_matryoshka(word_model):
    tuning = tunewise.tune(
        tiny_task(), rung="full", encoder=str(word_model), matryoshka=(24, 8), **QUICK
    )
    assert [row.size for row in tuning.prefixes.rows] == [48, 24, 16, 8]
    whole = tuning.prefixes.rows[0]
    assert whole.base == pytest.approx(tuning.gain.base.mean)
    assert whole.tuned == pytest.approx(tuning.gain.tuned.mean)
    assert all(row.without is not None for row in tuning.prefixes.rows)
    assert tuning.run.recipe.matryoshka == (24, 8)
    assert tuning.prefixes.third == 16


def test_mined_negatives_are_learned_from_and_told(word_model):
    tuning = tunewise.tune(
        tiny_task(), rung="partial", encoder=str(word_model), negatives=2, **ONCE
    )
    assert tuning.run.recipe.negatives == 2
    assert tuning.data["shape"] == "triplets"
    assert any(note.startswith("negatives were mined with hybrid") for note in tuning.notes)


def test_when_the_time_is_up_what_it_came_to_is_delivered_and_the_same_call_goes_on(word_model):
    options = QUICK | {"epochs": 2, "encoder": str(word_model), "rung": "full", "seed": 5}
    cut = tunewise.tune(tiny_task(), budget=1e-3, **options)
    assert cut.run.steps == 1
    assert any("the time was up after 1 of" in note for note in cut.notes)
    whole = tunewise.tune(tiny_task(), **options)
    assert whole.run.steps == whole.run.of_steps
    assert not any("time was up" in note for note in whole.notes)


def test_a_lora_run_is_delivered_merged_with_its_adapter_beside_it(word_model, tmp_path):
    tuning = tunewise.tune(tiny_task(), rung="lora", encoder=str(word_model), **QUICK)
    assert tuning.improved
    tunewise.save_tuned(tuning, tmp_path / "lora")
    assert (tmp_path / "lora" / "model" / "lora" / "adapter_config.json").is_file()
    assert load_folder(tmp_path / "lora" / "model", name="merged").dimension == 48


def test_an_adapter_takes_any_encoder():
    tuning = tunewise.tune(tiny_task(), rung="adapter", encoder=WordHashEncoder())
    assert tuning.improved
    assert tuning.outcome.contender.rung == "adapter"
    assert tuning.gain.difference.low > 0
    assert tuning.run is None


def few_in_dev():
    task = tiny_task()
    parts = {q: "test" if n < 60 else "dev" if n < 65 else "train"
             for n, q in enumerate(task.queries.ids)}  # fmt: skip
    return replace(task, parts=parts)


def untrained():
    task = tiny_task()
    return replace(task, parts={q: "test" if n % 2 else "dev"
                                for n, q in enumerate(task.queries.ids)})  # fmt: skip


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rung": "whole"}, "no rung 'whole'. Choose from adapter, partial, lora, full"),
        ({"loss": "best"}, "no loss 'best'. For pairs choose from ranking"),
        ({"loss": "cosent"}, "'cosent' is for scored pairs, but the data are pairs"),
        ({"matryoshka": (24, 100)}, "Matryoshka cannot train 100 dimensions"),
        ({"matryoshka": (24, 0)}, "Matryoshka cannot train 0 dimensions"),
        ({"matryoshka": (24, 24)}, "the same dimensions twice"),
        ({"batch": 200}, "there are 77 rows to learn from. Give --batch 77 at the most"),
        ({"batch": 1}, "--batch is 1, which makes no sense. Give 2 or more"),
        ({"epochs": 0}, "--epochs is 0"),
        ({"learning_rate": -1.0}, "--learning-rate is -1.0"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"keep_loss": -0.1}, "--keep-loss is -0.1"),
        ({"budget": 0}, "--budget is 0"),
        ({"seed": -1}, "--seed is -1"),
        ({"negatives": -1}, "A row cannot have -1 negatives"),
        ({"precision": "fp8"}, "There is no precision 'fp8'"),
        ({"metric": "speed"}, "speed"),
        ({"track": ["notes"]}, "cannot be tracked with 'notes'"),
        ({"rung": "adapter", "loss": "ranking"}, "--loss does not go with --rung adapter"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_what_would(word_model, options, told):
    with pytest.raises(OptionError) as refused:
        tunewise.tune(tiny_task(), encoder=str(word_model), keep=None, **options)
    assert told in str(refused.value)


def test_what_cannot_be_learned_from_or_stopped_on_is_refused_with_how_much_there_is(word_model):
    options = {"encoder": str(word_model), "keep": None}
    with pytest.raises(DataError, match="holds 5 queries, too few to tell when to stop: it takes"):
        tunewise.tune(few_in_dev(), **options)
    with pytest.raises(DataError, match="has no train part, so there is nothing to learn from"):
        tunewise.tune(untrained(), **options)


def test_negatives_and_adapters_are_for_queries_and_documents_only(scored, labelled, word_model):
    options = {"encoder": str(word_model), "keep": None}
    with pytest.raises(OptionError, match="there are no queries in scored pairs"):
        tunewise.tune(scored, negatives=2, **options)
    with pytest.raises(OptionError, match=r"the data are labelled texts\. Use --rung partial"):
        tunewise.tune(labelled, rung="adapter", **options)
    with pytest.raises(OptionError, match="'nDCG@10' does not go with labelled texts"):
        tunewise.tune(labelled, metric="nDCG@10", **options)


def test_an_encoder_without_weights_on_this_machine_cannot_be_tuned(scored):
    with pytest.raises(EncoderError, match="Use --rung adapter"):
        tunewise.tune(tiny_task(), encoder=WordHashEncoder(), keep=None)


def test_what_is_to_be_kept_must_be_another_retrieval_task(scored, word_model):
    with pytest.raises(DataError, match="is no retrieval task"):
        tunewise.tune(tiny_task(), encoder=str(word_model), keep=scored)
    with pytest.raises(DataError, match="is the one that is learned from"):
        tunewise.tune(tiny_task(), encoder=str(word_model), keep=tiny_task())


def test_texts_longer_than_the_encoder_reads_are_told_with_their_share(scored, word_model):
    long = replace(scored, first=[f"{text} mend" * 20 for text in scored.first])
    tuning = tunewise.tune(long, rung="full", encoder=str(word_model), **ONCE)
    [finding] = [one for one in tuning.findings if one.code == "D029"]
    assert finding.title.startswith("Texts are longer than the encoder reads (")
    assert "of all tokens" in finding.advice


def test_the_real_encoder_gains_on_documentation(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEWISE_CACHE", str(tmp_path / "cache"))
    task = tunewise.docstring_task(["numpy"], limit=80)
    tuning = tunewise.tune(task, keep=other_task(), epochs=1)
    assert tuning.gain.difference.mean > -0.02
    found = tunewise.save_tuned(tuning, tmp_path / "tuned")
    assert found["rung"] == "partial"
    assert found["frontier"][0]["share"] == 0
