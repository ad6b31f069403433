"""Files made for tuning chat models, as queries and answers; other files as they are."""

import json

import pytest

from tunewise.errors import DataError
from tunewise.jobs.forms import as_ours, check_first


def said(*pairs):
    return {"messages": [{"role": role, "content": text} for role, text in pairs]}


@pytest.fixture
def turned(tmp_path):
    def turn(*rows):
        lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
        (tmp_path / "in").write_bytes(b"\n".join(lines))
        changed = as_ours([("a", tmp_path / "in")], tmp_path / "out.jsonl")
        found = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
        return changed, [json.loads(line) for line in found]

    return turn


def test_each_answer_to_a_users_message_is_a_pair_and_the_system_is_left_out(turned):
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "so?"}]},
                          {"role": "assistant", "content": "so"}]}  # fmt: skip
    assert turned(
        said(
            ("system", "be brief"),
            ("user", "a?"),
            ("assistant", "a"),
            ("user", "b?"),
            ("assistant", "b"),
        ),
        parts,
    ) == (
        2,
        [
            {"query": "a?", "positive": "a"},
            {"query": "b?", "positive": "b"},
            {"query": "so?", "positive": "so"},
        ],
    )


def test_an_answer_of_weight_0_is_not_learned_from(turned):
    row = said(("user", "a?"), ("assistant", "bad"), ("user", "a?"), ("assistant", "good"))
    row["messages"][1]["weight"] = 0
    assert turned(row) == (1, [{"query": "a?", "positive": "good"}])


def test_prompts_and_completions_are_pairs_and_our_own_rows_stay_as_they_are(turned):
    assert turned({"prompt": "a?", "completion": "a"}) == (1, [{"query": "a?", "positive": "a"}])
    ours = [{"query": "é", "positive": "x", "negative": "y"}, {"text": "t", "label": "l"}]
    assert turned(*ours, b"", b"  ") == (0, ours)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([b"{"], "Line 1 of 'a' is no JSON"),
        ([{"query": "a"}, [1]], "Line 2 of 'a' is no JSON object"),
        ([b'{"query": "\xff"}'], "Line 1 of 'a' is not UTF-8"),
        ([said(("user", "a?"))], "In line 1 of 'a' no assistant's message answers"),
        ([{"messages": "a"}], "In line 1 of 'a' 'messages' is no list"),
        (
            [said(("user", " "), ("assistant", "a"))],
            "In line 1 of 'a' a text is missing or empty",
        ),
        ([{"prompt": "a", "completion": 3}], "In line 1 of 'a' a text is missing or empty"),
        (
            [{"query": "a"}, said(("user", "a"), ("assistant", "b"))],
            "Line 2 of 'a' is of another form",
        ),
    ],
)
def test_a_row_that_cannot_be_learned_from_is_named(turned, rows, told):
    with pytest.raises(DataError, match=told):
        turned(*rows)


@pytest.mark.parametrize(
    ("start", "whole", "told"),
    [
        (b"garbage", True, "Line 1 of 'g.jsonl' is no JSON"),
        (b"\n\n[1]\n{}", False, "Line 3 of 'g.jsonl' is no JSON object"),
        (b"\xff\xfe{", True, "Line 1 of 'g.jsonl' is not UTF-8"),
        (b'{"query": "cut o', False, None),  # goes on past what came first
        (b'\xef\xbb\xbf{"query": "a"}\ngarbage\n', True, None),  # further lines are the job's
        (b"", True, "'g.jsonl' holds nothing"),
        (b"\n \n", True, "'g.jsonl' holds nothing"),
        (b"\n \n", False, None),
    ],
)
def test_the_first_line_of_an_upload_is_looked_at(start, whole, told):
    if told is None:
        check_first("g.jsonl", start, whole=whole)
        return
    with pytest.raises(DataError, match=told):
        check_first("g.jsonl", start, whole=whole)
