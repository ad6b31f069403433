"""Recommendation by what is said of users: read, divided, matched with items, learned from."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tunewise.cli import main
from tunewise.data.histories import Histories, read_histories
from tunewise.errors import DataError, OptionError
from tunewise.kinds import KINDS, Setting, Source, load, save
from tunewise.kinds.recommendation import adapter, content, hybrid, popular, profile
from tunewise.kinds.recommendation.part import Part, ask
from tunewise.testing import WordHashEncoder

KIND = KINDS["recommendation"]
ENCODER = WordHashEncoder()
TOPICS = ("tea", "nails", "chess", "wool")
ITEMS = 40


def made(users: int = 120, each: int = 4, *, cold: int = 0, says: str = "likes {}") -> Histories:
    """Users of one topic each, who say so; the last `cold` of them have chosen one item only."""
    rng = np.random.default_rng(0)
    lists = []
    for user in range(users):
        own = np.arange(user % len(TOPICS), ITEMS, len(TOPICS))
        lists.append(rng.permutation(own)[: 1 if user >= users - cold else each])
    return Histories(
        users=[f"u{n}" for n in range(users)],
        items=[f"i{n:02d}" for n in range(ITEMS)],
        texts=[f"{2 * (TOPICS[n % len(TOPICS)] + ' ')}only{n}" for n in range(ITEMS)],
        starts=np.cumsum([0, *map(len, lists)]),
        places=np.concatenate(lists),
        times=np.concatenate([np.arange(float(len(own))) for own in lists]),
        profiles=[says.format(TOPICS[n % len(TOPICS)]) for n in range(users)],
    )


def setting(found: Histories) -> Setting:
    parts = KIND.divide(found, 0)

    def level(answers: object, part: Part) -> float:
        return KIND.score(answers, part, ["nDCG@10"]).mean("nDCG@10") if len(part) else 0.0

    return Setting(parts.train, parts.dev, [ENCODER], "nDCG@10", level)


def topics_named(contender, question, most: int = 5) -> set[int]:
    return {int(item[1:]) % len(TOPICS) for item, _ in contender.answer(question).best(0, most)}


def written(folder: Path, users: str | None = "user,about\nann,likes tea\n") -> Path:
    folder.mkdir(exist_ok=True)
    lines = ["user,item,timestamp", "ann,i1,1", "ann,i2,2", "bob,i1,1"]
    (folder / "interactions.csv").write_text("\n".join(lines) + "\n")
    (folder / "items.csv").write_text("id,text\ni1,tea\ni2,green tea\n")
    if users is not None:
        (folder / "users.csv").write_text(users)
    return folder


def test_texts_of_users_are_read_from_a_file_beside_or_named(tmp_path: Path) -> None:
    shop = written(tmp_path / "shop")
    found = read_histories(shop)
    assert dict(zip(found.users, found.profiles, strict=True)) == {"ann": "likes tea", "bob": ""}
    (shop / "users.csv").rename(shop / "people.csv")
    assert read_histories(shop).profiles == ()
    named = KIND.read(Source(str(shop), files={"users": "people.csv"}))
    assert named.profiles == found.profiles
    assert named.fingerprint == found.fingerprint != read_histories(shop).fingerprint
    assert named.read_with == {"files": {"users": "people.csv"}}


def test_the_column_can_be_named_and_one_that_is_missing_is_said(tmp_path: Path) -> None:
    shop = written(tmp_path / "shop", "user,likes\nann,tea\nzoe,wool\n")
    with pytest.raises(DataError, match=r"profile"):
        read_histories(shop)
    found = read_histories(shop, columns={"profile": "likes"})
    assert found.profiles == ["tea", ""]
    told = {one.code: one for one in found.findings}
    assert told["D138"].examples == ("'zoe'",)
    with pytest.raises(OptionError, match="items and users"):
        KIND.read(Source(str(shop), files={"people": "x.csv"}))


def test_users_of_one_item_are_asked_for_it_where_something_is_said_of_them() -> None:
    found = made(cold=40)
    parts = KIND.divide(found, 0)
    for part in (parts.dev, parts.test):
        new = np.flatnonzero(np.diff(part.question.starts) == 0)
        assert len(new) == 8  # a fifth of forty
        assert all(part.question.profiles[row] for row in new)
    assert len(parts.train) == 120 - 16
    silent = KIND.divide(replace(found, profiles=()), 0)
    assert len(silent.test) == 80
    assert {one.code for one in silent.findings} == {"D132"}
    assert "D132" not in {one.code for one in parts.findings}


def test_by_time_those_who_came_later_are_asked_by_their_text() -> None:
    found = made(users=40, each=2)
    times = np.concatenate([np.arange(60) / 60, np.ones(20)])
    later = KIND.divide(replace(found, times=times, split="1"), 0).test
    assert len(later) == 10
    assert not len(later.question.places)
    with pytest.raises(DataError, match="0 of the 40 users"):
        KIND.divide(replace(found, times=times, split="1", profiles=()), 0)


def test_somebody_new_is_answered_by_what_is_said_of_them_and_content_has_no_answer() -> None:
    asked = setting(made())
    base = content.fit(asked, [])[0]
    (one,) = profile.fit(asked, [base])
    question = ask({"new": []}, {"new": "likes chess"})
    assert topics_named(one, question) == {2}
    assert topics_named(base, question) == set()
    assert topics_named(one, ask({"new": ["i01", "i05"]})) == {1}


def test_a_text_and_a_history_are_mixed_by_the_share() -> None:
    asked = setting(made())
    arrays = content.fit(asked, [])[0].arrays
    one = profile.contender("profile", ENCODER, arrays, 1.0, 0.25)
    said, had = ENCODER.encode_documents(["likes wool"])[0], arrays["vectors"][[1, 5]].sum(axis=0)
    user = 0.25 * said + 0.75 * had / np.linalg.norm(had)
    cosines = arrays["vectors"] @ (user / np.linalg.norm(user))
    found = one.answer(ask({"new": ["i01", "i05"]}, {"new": "likes wool"})).best(0, 38)
    for item, score in found:
        assert score == pytest.approx(cosines[int(item[1:])], abs=1e-5)


def test_without_texts_of_users_there_is_no_such_contender() -> None:
    asked = setting(replace(made(), profiles=()))
    assert profile.fit(asked, []) == []
    assert profile.fit(setting(replace(made(), texts=[""] * ITEMS)), []) == []


@pytest.mark.slow
def test_an_adapter_learns_what_users_mean_who_use_other_words() -> None:
    words = dict(zip(TOPICS, ("brews", "hammers", "castles", "knits"), strict=True))
    plain = made(users=120, cold=60)
    other = [words[one.split()[1]] for one in plain.profiles]
    asked = setting(replace(plain, profiles=other))
    base = profile.fit(asked, [])[0]
    tuned = adapter.fit(asked, [base])[0]
    assert (tuned.same_as, tuned.settings["share"]) == (None, base.settings["share"])
    question = ask({"new": []}, {"new": "knits"})
    assert topics_named(tuned, question) == {3}
    levels = [asked.level(each.answer(asked.dev.question), asked.dev) for each in (tuned, base)]
    assert levels[0] > levels[1]


def test_every_contender_answers_alike_when_it_is_loaded(tmp_path: Path) -> None:
    asked = setting(made(cold=20))
    fitted = popular.fit(asked, [])
    for family in (content, profile, hybrid, adapter):
        fitted += family.fit(asked, fitted)
    assert [one.name for one in fitted] == [
        "popular", "content", "profile", "hybrid", "profile-hybrid", "adapter", "adapter-hybrid",
    ]  # fmt: skip
    question = ask({"a": [], "b": ["i03"], "u2": []}, {"a": "likes tea", "b": "likes wool"})
    for one in fitted:
        save(KIND, one, tmp_path / one.name)
        found = load(KINDS, tmp_path / one.name).contender
        assert profile.reads(found) == (one.name not in ("popular", "content", "hybrid"))
        first, second = one.answer(question), found.answer(question)
        assert np.array_equal(first.documents, second.documents)
        assert np.array_equal(first.scores, second.scores), one.name


@pytest.fixture(scope="module")
def shop(home: Path) -> Path:
    found = made(cold=40)
    rows = ["user,item,timestamp"]
    for n, user in enumerate(found.users):
        for step, place in enumerate(found.places[found.starts[n] : found.starts[n + 1]]):
            rows.append(f"{user},{found.items[place]},{step}")
    said = zip(found.users, found.profiles, strict=True)
    texts = zip(found.items, found.texts, strict=True)
    (home / "shop").mkdir()
    for name, lines in {
        "interactions": rows,
        "items": ["id,text", *(",".join(one) for one in texts)],
        "users": ["id,profile", *(",".join(one) for one in said)],
    }.items():
        (home / "shop" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    for words, out in (("profile,content", "by-text"), ("popular,content", "by-history")):
        command = ["measure", "shop", "--kind", "recommendation", "--encoder", "word-hash"]
        assert main([*command, "--try", words, "--out", out]) == 0
    return home


def test_the_command_recommends_to_somebody_of_whom_only_a_text_is_known(shop, capsys) -> None:
    capsys.readouterr()
    assert main(["recommend", "by-text", "--user-text", "likes nails", "-k", "3"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"].split()[0] for row in rows] == ["nails"] * 3
    new = ["--user-text", "likes nails", "--had", "i00"]
    assert main(["recommend", "by-text", *new, "-k", "3"]) == 0
    for user in range(80, 120):  # those of one item, in whatever part they are
        assert main(["recommend", "by-text", "--user", f"u{user}", "-k", "1"]) == 0
    assert main(["recommend", "by-text", "--user", "u1", "--user-text", "x"]) == 2
    assert "Say for whom" in capsys.readouterr().err


def test_a_winner_that_reads_no_texts_of_users_says_so(shop, capsys) -> None:
    assert main(["recommend", "by-history", "--user-text", "likes nails"]) == 2
    assert "reads no texts about them" in capsys.readouterr().err
    for folder, advised in (("by-history", False), ("by-text", True)):
        assert main(["recommend", folder, "--user", "nobody"]) == 2
        assert ("--user-text" in capsys.readouterr().err) == advised
