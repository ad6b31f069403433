"""A contender's folder: what lies in it is looked at before it is believed."""

import json

import pytest

from tunewise.contenders import load_contender
from tunewise.contenders.contender import NO_TEXTS
from tunewise.contenders.kept import read_kept
from tunewise.errors import DataError
from tunewise.serving.models import load_models

ENCODER = {"name": "word-hash", "base_url": None, "stamp": "0" * 16}
WHOLE = {"format": 1, "name": "base", "family": "pretrained", "settings": {}, "encoder": ENCODER}
DAMAGED = [
    [],
    {"format": 1},
    {**WHOLE, "encoder": "word-hash"},
    {**WHOLE, "encoder": {"name": "word-hash"}},
    {name: value for name, value in WHOLE.items() if name != "settings"},
    {**WHOLE, "parts": []},
    {**WHOLE, "parts": {"vectors": None}},
]


def written(folder, told):
    folder.mkdir(exist_ok=True)
    (folder / "tunewise.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def test_what_was_written_is_read(tmp_path):
    assert read_kept(written(tmp_path / "w", WHOLE)) == WHOLE


@pytest.mark.parametrize("told", DAMAGED)
def test_a_description_that_is_none_is_refused_by_all_who_open_it(tmp_path, told):
    folder = written(tmp_path / "w", told)
    for opened in (
        lambda: load_contender(folder, NO_TEXTS),
        lambda: load_models([f"w={folder}"]),
    ):
        with pytest.raises(DataError, match="is not as it was written"):
            opened()


def test_the_winner_of_another_task_is_told_as_such(tmp_path):
    kind = {**WHOLE, "format": 2, "kind": "recommendation", "family": "together"}
    with pytest.raises(DataError, match="a task of recommendation, and a search's is wanted"):
        load_contender(written(tmp_path / "w", kind), NO_TEXTS)
