"""The verdict on disk."""

import json
from pathlib import Path

import pytest
from verdict_facts import verdict_facts

from tunewise.errors import OutputError
from tunewise.report import save_report, to_page


def test_page_and_json_hold_the_same_facts(tmp_path: Path) -> None:
    save_report(verdict_facts(), tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "verdict.json").read_text(encoding="utf-8"))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert to_page(facts) == page
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"report.html", "verdict.json"}


def test_numbers_have_six_decimals_and_no_negative_nothing(tmp_path: Path) -> None:
    facts = verdict_facts(differences=[1 / 3, -1e-9], worth=0.1 + 0.2)
    save_report(facts, tmp_path)
    text = (tmp_path / "verdict.json").read_text(encoding="utf-8")
    assert '"worth": 0.3,' in text
    assert "0.333333,\n  0.0\n" in text


def test_keys_keep_their_order_and_letters_stay_letters(tmp_path: Path) -> None:
    facts = verdict_facts()
    save_report(facts, tmp_path)
    text = (tmp_path / "verdict.json").read_text(encoding="utf-8")
    assert list(json.loads(text)) == list(facts)
    assert "終電の後でもボートを返せますか" in text


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_report(verdict_facts(), tmp_path / name)
    for file in ("verdict.json", "report.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_json_cannot_hold_is_refused_before_anything_is_written(
    tmp_path: Path, number: float
) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_report(verdict_facts(worth=number), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="Cannot write to"):
        save_report(verdict_facts(), tmp_path / "file")
