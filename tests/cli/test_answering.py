"""The commands that ask a saved winner: predict and score."""

import csv
import json
from pathlib import Path

import pytest

from tunewise.cli import main

THINGS = ("kettle", "ladder", "bicycle", "umbrella", "violin", "compass", "lantern", "anchor")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder to stand in, with the winners of a classification and of a similarity."""
    home = tmp_path_factory.mktemp("answering")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("TUNEWISE_CACHE", str(home / "cache"))
        table("intents.csv", ("text", "label"), [
            (f"{act} my {thing} {when}", label)
            for label, act in (("repair", "mend"), ("sale", "sell"))
            for thing in THINGS for when in ("today", "soon", "now")
        ])  # fmt: skip
        table("pairs.csv", ("sentence1", "sentence2", "score"), [
            (f"mend my {one}", f"please mend a {other}", int(one == other))
            for place, one in enumerate(THINGS)
            for other in (one, THINGS[place - 3], THINGS[place - 5])
        ] * 2)  # fmt: skip
        for name, words in (("intents", "majority,linear"), ("pairs", "lexical,cosine")):
            options = ["--encoder", "word-hash", "--try", words, "--out", name]
            assert main(["measure", f"{name}.csv", *options]) == 0
        yield home


def table(name, head, rows):
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])


def told(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_predict_labels_a_text_and_a_table_of_them(folder, capsys):
    assert main(["predict", "intents", "mend a boat today"]) == 0
    [one] = told(capsys)
    assert one["label"] == "repair"
    assert one["probability"] > 0.5
    assert [other["label"] for other in one["others"]] == ["sale"]
    table("new.csv", ("_id", "text"), [("a", "sell a boat"), ("b", "mend a boat")])
    assert main(["predict", "intents", "new.csv"]) == 0
    assert [(one["id"], one["label"]) for one in told(capsys)] == [("a", "sale"), ("b", "repair")]


def test_score_says_how_alike_two_texts_or_the_pairs_of_a_file_are(folder, capsys):
    assert main(["score", "pairs", "mend my kettle", "mend my kettle"]) == 0
    [same] = told(capsys)
    assert same["likeness"] == pytest.approx(1, abs=1e-3)
    (folder / "two.txt").write_text("mend my kettle\tmend my kettle\nmend it\tnothing else\n")
    assert main(["score", "pairs", "two.txt"]) == 0
    first, second = told(capsys)
    assert first["likeness"] > second["likeness"]
    table("two.csv", ("text_a", "text_b"), [("mend my kettle", "mend my kettle")])
    assert main(["score", "pairs", "two.csv"]) == 0
    assert told(capsys)[0]["first"] == "mend my kettle"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["score", "intents", "a", "b"], "tunewise predict intents"),
        (["predict", "pairs", "a"], "tunewise score pairs"),
        (["predict", "nowhere", "a"], "There is no winner in 'nowhere/model'"),
        (["score", "pairs", "one text alone"], "Give two texts"),
        (["search", "intents", "a"], "tunewise predict intents"),
        (["label", "intents", "--queries", "new.txt"], "tunewise predict intents"),
        (["shrink", "intents"], "tunewise predict intents"),
    ],
)
def test_what_does_not_fit_is_said_with_the_command_that_does(folder, words, said, capsys):
    (folder / "new.txt").write_text("mend a boat\n")
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_the_winner_of_a_search_is_not_asked_for_labels(folder, capsys):
    table("asked.csv", ("question", "answer"), [
        (f"how to mend a {thing}", f"{thing}s are mended so") for thing in THINGS
    ])  # fmt: skip
    options = ["--encoder", "word-hash", "--try", "lexical", "--out", "asked"]
    assert main(["measure", "asked.csv", *options]) == 0
    assert main(["predict", "asked", "mend"]) == 2
    assert "Try: tunewise search asked" in capsys.readouterr().err


def test_a_line_without_a_tab_is_no_pair(folder, capsys):
    (folder / "one.txt").write_text("mend my kettle\n")
    assert main(["score", "pairs", "one.txt"]) == 2
    assert "Line 1" in capsys.readouterr().err


def test_a_damaged_head_is_named(folder, capsys):
    import shutil

    shutil.copytree("intents", "damaged")
    (folder / "damaged" / "model" / "head.safetensors").write_bytes(b"nothing")
    assert main(["predict", "damaged", "mend"]) == 2
    assert "head.safetensors is damaged" in capsys.readouterr().err


@pytest.fixture(scope="module")
def shop(folder):
    """The winner of a recommendation: users of two tastes, a dozen items each."""
    rows = [
        (f"u{user}", f"i{(user % 2) * 12 + (user * 5 + step * (1 + user % 3)) % 12}", step)
        for user in range(40) for step in range(6)
    ]  # fmt: skip
    table("shop.csv", ("user", "item", "timestamp"), rows)
    table("items.csv", ("id", "text"), [(f"i{n}", f"{'tea' if n < 12 else 'nail'} number {n}")
                                        for n in range(24)])  # fmt: skip
    command = ["measure", "shop.csv", "--kind", "recommendation", "--file", "items=items.csv",
               "--encoder", "word-hash", "--try", "popular,together", "--out", "shop"]  # fmt: skip
    assert main(command) == 0
    return rows


def test_a_known_user_is_shown_nothing_they_had_up_to_the_last(shop, capsys):
    capsys.readouterr()
    for user in ("u0", "u3"):
        assert main(["recommend", "shop", "--user", user, "-k", "6"]) == 0
        shown = {row["item"] for row in told(capsys)}
        assert len(shown) == 6
        assert not shown & {item for name, item, _ in shop if name == user}


def test_who_or_what_is_unknown_is_said(shop, capsys):
    assert main(["recommend", "shop", "--user", "nobody"]) == 2
    assert "no user 'nobody'" in capsys.readouterr().err
    assert main(["recommend", "shop", "--had", "i1,zzz"]) == 2
    assert "no item 'zzz'" in capsys.readouterr().err
    assert main(["recommend", "shop", "--had", " ,"]) == 2
    assert "--had ' ,' names no item" in capsys.readouterr().err
    assert main(["recommend", "shop", "--user-text", " "]) == 2
    assert "--user-text is empty" in capsys.readouterr().err
    assert main(["predict", "intents", "nosuch.txt"]) == 2
    assert "There is no file 'nosuch.txt'" in capsys.readouterr().err


def test_a_target_is_told_only_where_one_was_set(shop):
    assert json.loads(Path("shop/verdict.json").read_text())["target"] is None


def test_a_user_who_had_everything_is_told_so(folder, capsys):
    rows = [(f"u{user}", f"i{(user + n) % 4}", n) for user in range(12) for n in range(3)]
    rows += [("all", f"i{n}", n) for n in range(4)]
    table("few.csv", ("user", "item", "timestamp"), rows)
    command = ["measure", "few.csv", "--encoder", "word-hash", "--try", "popular", "--out", "few"]
    assert main(command) == 0
    capsys.readouterr()
    assert main(["recommend", "few", "--user", "all"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "knows no item that was not had already" in said.err


@pytest.mark.parametrize("words", [["predict", "intents", " "], ["predict", "intents", ""]])
def test_an_empty_text_is_no_question(folder, words, capsys):
    assert main(words) == 2
    assert "The text is empty" in capsys.readouterr().err
