"""save_blend: what is saved is what was measured, for sentence-transformers and for PEFT."""

import numpy as np
import pytest
import torch
from tiny_models import a_lesson, a_recipe, an_exam, encoder_of, make_model, texts

from tunewise.training.blend import save_blend
from tunewise.training.recipe import RUNGS
from tunewise.training.tuning import tune_encoder

pytestmark = pytest.mark.slow  # importing torch alone takes seconds

SOME = [*texts(8, 3)[1], "wagon " * 60, ""]


def loaded(folder):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu")


def tuned_and_saved(encoder, rung, share, home):
    recipe = a_recipe(rung, learning_rate=2e-2, epochs=4)
    tuned = tune_encoder(encoder, a_lesson(), recipe, an_exam(), home / "run")
    assert tuned.best().share > 0  # else every comparison is one of the base with itself
    save_blend(encoder, tuned, share, home / "saved")
    return tuned, home / "saved"


def measured(model):
    return an_exam()(lambda some, side: model.encode(list(some), normalize_embeddings=True))


def far(one, other):
    return float(np.abs(one - other).max())


# PEFT asks transformers for it under its old name
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_merged_model_gives_what_peft_makes_of_the_adapter(small_bert, bert, tmp_path, share):
    from peft import PeftModel
    from transformers import AutoModel

    _, saved = tuned_and_saved(bert, "lora", share, tmp_path)
    merged = loaded(saved).encode(SOME)
    base = loaded(small_bert)
    plain = base.encode(SOME)
    assert far(merged, plain) > 1e-3
    base.load_adapter(str(saved / "lora"))
    assert far(base.encode(SOME), merged) < 1e-5

    adapted = PeftModel.from_pretrained(AutoModel.from_pretrained(small_bert), saved / "lora")
    adapted.eval()
    other = loaded(small_bert)
    inputs = {k: v for k, v in other.preprocess(SOME).items() if torch.is_tensor(v)}
    with torch.no_grad():
        hidden = adapted(**inputs).last_hidden_state
    mask = inputs["attention_mask"][:, :, None].float()
    assert far(((hidden * mask).sum(1) / mask.sum(1)).numpy(), merged) < 1e-5


@pytest.mark.parametrize("rung", RUNGS)
def test_the_whole_way_gives_the_vectors_that_dev_liked_best(bert, tmp_path, rung):
    tuned, saved = tuned_and_saved(bert, rung, 1.0, tmp_path)
    model = loaded(saved)
    assert measured(model) == pytest.approx(tuned.frontier[-1].score, abs=1e-6)
    assert [p.suffix for p in saved.rglob("*") if p.suffix in {".bin", ".pt", ".pth", ".pkl"}] == []
    assert list(saved.glob("*.safetensors"))


@pytest.mark.parametrize("rung", RUNGS)
def test_every_point_of_the_frontier_can_be_saved_and_measures_the_same(bert, tmp_path, rung):
    tuned, _ = tuned_and_saved(bert, rung, 1.0, tmp_path)
    for point in tuned.frontier:
        save_blend(bert, tuned, point.share, tmp_path / str(point.share))
        model = loaded(tmp_path / str(point.share))
        assert measured(model) == pytest.approx(point.score, abs=1e-6)
    base = bert.encode_documents(SOME)
    model = loaded(tmp_path / "0.0")
    assert far(model.encode(SOME, normalize_embeddings=True), base) < 1e-6


def test_a_model_with_prompts_and_a_dense_module_is_saved_with_them(tmp_path):
    prompts = {"query": "find text which : ", "document": "text : "}
    encoder = encoder_of(make_model(tmp_path, prompts=prompts, dense=True))
    tuned, saved = tuned_and_saved(encoder, "full", 1.0, tmp_path)
    model = loaded(saved)
    sides = {"queries": model.encode_query, "documents": model.encode_document}
    score = an_exam()(lambda some, side: sides[side](list(some), normalize_embeddings=True))
    assert score == pytest.approx(tuned.frontier[-1].score, abs=1e-6)


def test_no_path_of_this_machine_is_saved(bert, tmp_path):
    _, saved = tuned_and_saved(bert, "lora", 0.5, tmp_path)
    for path in saved.rglob("*.json"):
        told = path.read_text(encoding="utf-8").replace(bert.name, "")
        assert str(tmp_path) not in told
        assert str(bert.folder) not in told
