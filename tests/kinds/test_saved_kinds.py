"""Winners in a folder: what is kept beside them, and what is refused because it was changed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tunewise.cli import main
from tunewise.data.histories import Histories
from tunewise.errors import DataError
from tunewise.kinds import KINDS, load, save
from tunewise.kinds.recommendation.part import histories, known_of
from tunewise.measurement.of_kind import measure_kind
from tunewise.testing import WordHashEncoder

KIND = KINDS["recommendation"]
USERS, EACH, ITEMS = 400, 5, 40
FIELDS = ("format", "kind", "name", "family", "tuned", "settings", "encoder", "about", "lists",
          "arrays", "seal")  # fmt: skip


@pytest.fixture(scope="module")
def verdict(home):
    rng = np.random.default_rng(0)
    drawn = rng.permuted(np.tile(np.arange(ITEMS), (USERS, 1)), axis=1)[:, :EACH]
    found = Histories(
        users=[f"ü{n}" for n in range(USERS)],
        items=[f"i{n}" for n in range(ITEMS)],
        texts=[f"tea\n{n} of {n % 7}" for n in range(ITEMS)],
        starts=np.arange(0, USERS * EACH + 1, EACH),
        places=drawn.ravel(),
        times=np.tile(np.arange(float(EACH)), USERS),
    )
    return measure_kind(found, KIND, encoders=[WordHashEncoder()], contenders=["content"])


@pytest.fixture(scope="module")
def saved(home, verdict):
    save(KIND, verdict.contender, home / "shop" / "model", KIND.about(verdict.shown))
    return home / "shop"


def test_what_users_had_is_kept_in_arrays_and_comes_back_as_it_was(saved, verdict):
    about = KIND.about(verdict.shown)
    found = load(KINDS, saved / "model").about
    assert found.keys() == about.keys()
    for name, value in about.items():
        assert np.array_equal(found[name], value), name
    assert "ü" not in (saved / "model" / "tunewise.json").read_text(encoding="utf-8")
    assert len((saved / "model" / "users.jsonl").read_text().splitlines()) == USERS


def test_all_that_a_user_chose_is_known_up_to_the_last(verdict):
    known = histories(verdict.shown.train, verdict.shown.dev, verdict.shown.judged)
    assert sorted(known.users) == sorted(f"ü{n}" for n in range(USERS))
    assert set(np.diff(known.starts).tolist()) == {EACH}
    about = KIND.about(verdict.shown)
    one = known_of(about, "ü7")
    row = list(known.users).index("ü7")
    assert one.places.tolist() == known.places[known.starts[row] : known.starts[row + 1]].tolist()
    assert known_of(about, "nobody") is None


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("other", [{"other": 1}, None, "gone"])
def test_a_folder_changed_by_hand_is_refused_and_says_so(saved, tmp_path, capsys, field, other):
    shutil.copytree(saved, tmp_path / "shop")
    path = tmp_path / "shop" / "model" / "tunewise.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    if other == "gone":
        del told[field]
    else:
        told[field] = other
    path.write_text(json.dumps(told))
    with pytest.raises(DataError, match="holds nothing this version of Tunewise can answer with"):
        load(KINDS, tmp_path / "shop" / "model")
    assert main(["recommend", str(tmp_path / "shop"), "--user", "ü1"]) == 2
    assert "measure again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("tunewise.json", "[]", "was not written by it"),
        ("tunewise.json", '{"format": 1, "kind": "recommendation"}', "is of format 1"),
        ("tunewise.json", "{", "Expecting"),
        ("users.jsonl", '"ann"\n', "users.jsonl should have 400 texts"),
        ("users.jsonl", None, "users.jsonl"),
        ("head.safetensors", None, "head.safetensors"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(saved, tmp_path, name, content, says):
    shutil.copytree(saved / "model", tmp_path / "model")
    if content is None:
        (tmp_path / "model" / name).unlink()
    else:
        (tmp_path / "model" / name).write_text(content)
    with pytest.raises(DataError, match=says):
        load(KINDS, tmp_path / "model")


def test_arrays_of_another_contender_are_refused(saved, verdict, tmp_path):
    save(KIND, verdict.contender, tmp_path / "other")  # without what users had
    shutil.copytree(saved / "model", tmp_path / "model")
    Path(tmp_path / "other" / "head.safetensors").replace(tmp_path / "model" / "head.safetensors")
    with pytest.raises(DataError, match=r"lacks 'about\.starts'"):
        load(KINDS, tmp_path / "model")
