import doctest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tunewise.rankings
from tunewise.errors import DataError, OutputError
from tunewise.rankings import Rankings, collect, read_run, write_run


def as_lists(rankings: Rankings) -> dict[str, list[tuple[str, float]]]:
    return {
        query: rankings.best(place, len(documents))
        for place, (query, (documents, _)) in enumerate(
            zip(rankings.query_ids, rankings, strict=True)
        )
    }


def read(tmp_path: Path, text: str) -> Rankings:
    path = tmp_path / "run.txt"
    path.write_bytes(text.encode())
    return read_run(path)


# collect


def test_documents_are_put_best_first_and_ties_by_place() -> None:
    rankings = collect(
        ["q", "r"],
        ["a", "b", "c", "d"],
        [
            (np.array([3, 1, 0, 2]), np.array([0.5, 0.9, 0.5, 0.1])),
            (np.array([2]), np.array([-1.0])),
        ],
    )
    assert rankings.starts.tolist() == [0, 4, 5]
    assert rankings.documents.tolist() == [1, 0, 3, 2, 2]
    assert len(rankings) == 2
    assert [rankings.documents.dtype, rankings.scores.dtype] == [np.int64, np.float32]


def test_scores_that_single_precision_cannot_tell_apart_are_ties_by_place() -> None:
    rankings = collect(["q"], ["a", "b"], [(np.array([0, 1]), np.array([1.0, 1.0 + 1e-12]))])
    assert rankings.documents.tolist() == [0, 1]
    assert rankings.scores[0] == rankings.scores[1]


def test_a_query_may_have_no_documents_and_rankings_no_query() -> None:
    none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    rankings = collect(["q", "r"], ["a"], [none, (np.array([0]), np.array([1.0]))])
    assert as_lists(rankings) == {"q": [], "r": [("a", 1.0)]}
    assert len(collect([], ["a"], [])) == 0


def test_the_best_are_no_more_than_asked_for_nor_than_there_are() -> None:
    rankings = collect(["q", "r"], ["a", "b"], [(np.array([0, 1]), np.array([2.0, 1.0]))] * 2)
    assert rankings.best(0, 1) == [("a", 2.0)]
    assert rankings.best(0, 9) == [("a", 2.0), ("b", 1.0)]


# Reading


def test_the_score_decides_the_order_not_the_rank_nor_the_line(tmp_path: Path) -> None:
    rankings = read(
        tmp_path, "q2 Q0 x 1 0.5 me\nq1 Q0 b 1 1 me\nq1 Q0 a 2 2.5 me\nq2 Q0 y 9 7e-1 me\n"
    )
    assert as_lists(rankings) == {
        "q2": [("y", pytest.approx(0.7)), ("x", 0.5)],
        "q1": [("a", 2.5), ("b", 1.0)],
    }
    assert list(rankings.document_ids) == ["a", "b", "x", "y"]


@pytest.mark.parametrize(
    "text",
    [
        "q Q0 é 1 2 t\nq Q0 b 2 1 t\n",
        "\ufeffq Q0 é 1 2 t\r\nq Q0 b 2 1 t",
        "\nq\tQ0\té  1 2   t \n\n  q Q0 b 2 1 t\n\n",
        "q Q0 é 1 2 t\rq Q0 b 2 1 t\r",
    ],
)
def test_tabs_blank_lines_windows_line_ends_and_a_byte_order_mark_are_fine(
    tmp_path: Path, text: str
) -> None:
    assert as_lists(read(tmp_path, text)) == {"q": [("é", 2.0), ("b", 1.0)]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no rankings"),
        ("\n \n", "holds no rankings"),
        ("q Q0 a 1 2 t\nq Q0 b 1\n", "Line 2 .* has 4 fields"),
        ("q,Q0,a,1,2,t\n", "Line 1 .* has 1 fields"),
        ("q Q0 my doc 1 2 t\n", "has 7 fields"),
        ("q Q0 a 1 high t\n", "Line 1 .* score 'high'"),
        ("q Q0 a 1 nan t\n", "score 'nan'"),
        ("q Q0 a 1 inf t\n", "score 'inf'"),
        ("q Q0 a 1 1e300 t\n", "score '1e300'"),
        ("q Q0 a 1 2 t\n\nq Q0 a 2 1 t\n", "Line 3 .* ranks document 'a' .* second time"),
    ],
)
def test_what_is_no_run_file_is_refused_with_the_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(tmp_path, text)


@pytest.mark.parametrize("codec", ["utf-16", "latin-1"])
def test_another_encoding_is_refused(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "run.txt"
    path.write_bytes("q Q0 é 1 2 t\n".encode(codec))
    with pytest.raises(DataError, match="not UTF-8"):
        read_run(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Cannot read .*none"):
        read_run(tmp_path / "none.txt")
    with pytest.raises(DataError, match="Cannot read"):
        read_run(tmp_path)


# Writing

IDS = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda t: t.split() == [t])


@given(
    st.dictionaries(
        IDS.filter(lambda name: not name.startswith("\ufeff")),
        st.dictionaries(
            IDS, st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_is_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, found: dict[str, dict[str, float]]
) -> None:
    path = tmp_path_factory.mktemp("runs") / "run.txt"
    ids = sorted({document for row in found.values() for document in row})
    place = {document: p for p, document in enumerate(ids)}
    lists = [
        (np.array([place[d] for d in row]), np.array(list(row.values()), dtype=np.float32))
        for row in found.values()
    ]
    rankings = collect(list(found), ids, lists)
    write_run(rankings, path)
    back = read_run(path)
    assert as_lists(back) == as_lists(rankings)
    assert list(back.document_ids) == ids


def test_a_run_is_written_as_trec_has_it(tmp_path: Path) -> None:
    rankings = collect(
        ["q", "r"],
        ["a", "b"],
        [(np.array([0, 1]), np.array([0.25, 2])), (np.empty(0, dtype=np.int64), np.empty(0))],
    )
    write_run(rankings, tmp_path / "new" / "run.txt", tag="bm25")
    written = (tmp_path / "new" / "run.txt").read_text()
    assert written == "q Q0 b 1 2.0 bm25\nq Q0 a 2 0.25 bm25\n"


@pytest.mark.parametrize("wrong", ["my doc", "", "tab\t", "line\n", "nbsp\u00a0x"])
def test_an_id_that_a_run_file_cannot_hold_is_refused_and_nothing_is_written(
    tmp_path: Path, wrong: str
) -> None:
    ranked = [(np.array([0]), np.array([1.0]))]
    path = tmp_path / "run.txt"
    for rankings, tag in (
        (collect(["q"], [wrong], ranked), "t"),
        (collect([wrong], ["a"], ranked), "t"),
        (collect(["q"], ["a"], ranked), wrong),
    ):
        with pytest.raises(DataError, match="without white space"):
            write_run(rankings, path, tag=tag)
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"):
        write_run(
            collect(["q"], ["a"], [(np.array([0]), np.array([1.0]))]), tmp_path / "file" / "run.txt"
        )


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(tunewise.rankings).failed == 0
