"""Formats: each is read with its text, its headings and what is known beside them."""

import zipfile
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path

import docx
import pytest

from tunewise.documents import Document, Failure, Limits, read_documents
from tunewise.errors import DataError, OptionError


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def one(path: Path, **options: object) -> Document:
    (found,) = read_documents(path, **options)
    assert isinstance(found, Document), found
    return found


def headed(document: Document) -> list[str]:
    """The headings, once each is seen to stand where it is said to."""
    for place, heading in document.headings:
        line = document.text[place:].partition("\n")[0]
        assert "".join(heading.split()) in "".join(line.replace("*", "").replace("`", "").split())
    return [heading for _, heading in document.headings]


# Text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_read_in_every_unicode_encoding_that_says_what_it_is(
    tmp_path: Path, encoding: str
) -> None:
    found = one(write(tmp_path / "a.txt", "Käse\r\n東京 ok".encode(encoding)))
    assert found.text == "Käse\n東京 ok"
    assert found.metadata == {"source": "a.txt", "media_type": "text/plain"}


def test_western_text_in_an_old_encoding_is_read_and_told_as_a_guess(tmp_path: Path) -> None:
    found = one(write(tmp_path / "a.txt", "Das Büro schließt um fünf.".encode("cp1252")))
    assert found.text == "Das Büro schließt um fünf."
    assert found.metadata["encoding"] == "windows-1252 (guessed)"


def test_text_is_composed_so_that_equal_letters_are_equal(tmp_path: Path) -> None:
    assert one(write(tmp_path / "a.txt", "Cafe\u0301")).text == "Caf\u00e9"


# Markdown


def test_markdown_keeps_its_source_and_finds_headings_as_commonmark_does(tmp_path: Path) -> None:
    text = "# One *two*\n\n```sh\n# a comment\n```\n\nThree\n=====\n\n> ## Four\n\n    # code\n"
    found = one(write(tmp_path / "a.md", text))
    assert found.text == text
    assert [heading for _, heading in found.headings] == ["One two", "Three", "Four"]
    assert [text[place:].split()[0] for place, _ in found.headings] == ["#", "Three", ">"]
    assert found.title == "One two"


def test_front_matter_is_taken_off_and_its_fields_are_metadata(tmp_path: Path) -> None:
    found = one(write(tmp_path / "a.md", '---\ntitle: "Loans"\nteam: desk\n---\n# Rules\ntext\n'))
    assert (found.title, found.text) == ("Loans", "# Rules\ntext\n")
    assert found.metadata["team"] == "desk"
    front = "---\nyear: 2020\nfee: 0.5\ndraft: true\nsince: 2020-01-31\nroom: '12'\n---\ntext\n"
    fields = one(write(tmp_path / "b.md", front)).metadata
    assert {**fields, "source": "", "media_type": ""} == {
        "year": 2020, "fee": 0.5, "draft": True, "since": "2020-01-31", "room": "12",
        "source": "", "media_type": "",
    }  # fmt: skip


# HTML


def test_html_gives_what_a_reader_sees(tmp_path: Path) -> None:
    page = """<!doctype html><title>Loans &amp; fees</title><style>p{}</style>
    <nav>Home</nav><h1>Loans</h1><p>Three <b>weeks</b>,<br>no more.</p>loose
    <ul><li>books<li>maps</ul><table><tr><th>what<th>fee<tr><td>book<td>1 €</table>
    <pre>a  b\n  c</pre><p hidden>unseen</p><!-- unseen --><script>unseen()</script>"""
    found = one(write(tmp_path / "a.html", page))
    assert found.text == (
        "Loans\n\nThree weeks,\nno more.\n\nloose\n\nbooks\nmaps\n\nwhat | fee\nbook | 1 €\n\n"
        "a  b\n  c"
    )
    assert (found.title, headed(found)) == ("Loans & fees", ["Loans"])


def test_of_a_page_with_a_main_part_only_that_is_read(tmp_path: Path) -> None:
    page = "<body><header>Shop</header><main><h2>Boots</h2><p>Warm.</p></main><div>Ads</div>"
    assert one(write(tmp_path / "a.html", page)).text == "Boots\n\nWarm."


def test_a_page_is_read_in_the_encoding_it_names(tmp_path: Path) -> None:
    page = '<html><head><meta charset="Shift_JIS"></head><body>図書館は九時に開きます。</body>'
    found = one(write(tmp_path / "a.html", page.encode("shift_jis")))
    assert found.text == "図書館は九時に開きます。"
    assert found.metadata["encoding"] == "shift_jis"


def test_a_page_may_be_nested_a_thousand_deep(tmp_path: Path) -> None:
    page = "<div>" * 1000 + "deep" + "</div>" * 1000 + "<p>after</p>"
    assert one(write(tmp_path / "a.html", page)).text == "deep\n\nafter"


# PDF


def test_a_pdf_has_its_pages_parted_and_the_headings_of_its_outline(
    pdf: Callable[..., Path],
) -> None:
    path = pdf("a.pdf", ["# Loans", "Three weeks."], ["# Fees", "One euro."], title="Desk")
    found = one(path)
    assert found.text == "Loans\n\nThree weeks.\n\fFees\n\nOne euro."
    assert (found.title, headed(found)) == ("Desk", ["Loans", "Fees"])
    assert found.metadata["pages"] == 2
    assert found.text[: found.text.index("euro")].count("\f") + 1 == 2


def test_a_blank_page_still_counts(pdf: Callable[..., Path]) -> None:
    found = one(pdf("a.pdf", ["one"], [], ["three"]))
    assert found.text[: found.text.index("three")].count("\f") + 1 == 3


def test_a_pdf_that_is_only_locked_against_printing_is_read(pdf: Callable[..., Path]) -> None:
    import pypdf

    writer = pypdf.PdfWriter(clone_from=pdf("open.pdf", ["Three weeks."]))
    writer.encrypt(user_password="", owner_password="boss", algorithm="RC4-128")
    path = pdf("a.pdf", ["x"])
    writer.write(path)
    assert one(path).text == "Three weeks."


# DOCX


def test_a_word_document_has_its_headings_paragraphs_and_tables_in_order(tmp_path: Path) -> None:
    made = docx.Document()
    made.core_properties.title = "Desk"
    made.add_heading("Loans", 1)
    made.add_paragraph("Three ").add_run("weeks.").bold = True
    table = made.add_table(2, 2)
    for cell, text in zip(table._cells, ["what", "fee", "book", "1 €"], strict=True):
        cell.text = text
    made.add_heading("Fees", 2)
    made.add_paragraph("Due later.")
    made.save(str(tmp_path / "a.docx"))
    found = one(tmp_path / "a.docx")
    assert found.text == ("Loans\n\nThree weeks.\n\nwhat | fee\nbook | 1 €\n\nFees\n\nDue later.")
    assert (found.title, headed(found)) == ("Desk", ["Loans", "Fees"])


def test_what_was_inserted_while_changes_were_tracked_is_read_and_what_was_deleted_is_not(
    tmp_path: Path,
) -> None:
    made = docx.Document()
    words = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    made.element.body.insert(0, docx.oxml.parse_xml(
        f"<w:p {words}><w:r><w:t>four </w:t></w:r><w:ins><w:r><w:t>new</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>old</w:delText></w:r></w:del></w:p>"
    ))  # fmt: skip
    made.save(str(tmp_path / "a.docx"))
    assert one(tmp_path / "a.docx").text == "four new"


# Tables


def test_a_row_is_a_document_and_its_other_columns_are_typed_fields(tmp_path: Path) -> None:
    table = (
        "id,title,text,year,price,open,zip,note\n"
        'a,Loans,"Three\nweeks",2024,1.5,true,01234,\n'
        "b,,Fees are due,2025,2,FALSE,10115,late\n"
    )
    first, second = read_documents(write(tmp_path / "faq.csv", table))
    assert first == Document("a", "Loans\nThree\nweeks", "Loans", {
        "source": "faq.csv", "media_type": "text/csv",
        "year": 2024, "price": 1.5, "open": True, "zip": "01234",
    }, [(0, "Loans")])  # fmt: skip
    assert isinstance(second, Document)
    assert (second.id, second.text, second.title) == ("b", "Fees are due", "")
    assert second.metadata["price"] == 2.0
    assert isinstance(second.metadata["price"], float)
    assert second.metadata["note"] == "late"


def test_a_column_with_numbers_and_words_is_words_throughout(tmp_path: Path) -> None:
    table = "text\tsize\nsmall\t7\nlarge\tXL\n"
    found = list(read_documents(write(tmp_path / "a.tsv", table)))
    assert [each.metadata["size"] for each in found if isinstance(each, Document)] == ["7", "XL"]


def test_columns_are_chosen_by_the_user(tmp_path: Path) -> None:
    table = "frage,antwort,nr\nWie lange?,Drei Wochen,7\n"
    found = one(
        write(tmp_path / "a.csv", table),
        columns={"document": "antwort", "title": "frage", "document_id": "nr"},
    )
    assert (found.id, found.text) == ("7", "Wie lange?\nDrei Wochen")


def test_rows_without_ids_are_named_by_file_and_line(tmp_path: Path) -> None:
    lines = '{"text": "one", "tags": ["a", "b"], "n": 3}\n\n{"text": "two", "n": null}\n'
    found = list(read_documents(write(tmp_path / "a.jsonl", lines)))
    assert [each.id for each in found if isinstance(each, Document)] == ["a.jsonl:1", "a.jsonl:3"]
    assert found[0].metadata == {
        "source": "a.jsonl", "media_type": "application/jsonl", "tags": '["a", "b"]', "n": 3,
    }  # fmt: skip


# Folders and zip files


def test_a_folder_is_read_in_the_order_of_names_and_hidden_files_are_not(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", "a/y.txt", ".git/x.txt", ".hidden.txt"):
        write(tmp_path / name, name)
    assert [each.id for each in read_documents(tmp_path) if isinstance(each, Document)] == [
        "b.txt", "a/y.txt", "a/z.md",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["why?.txt", "C#.txt", "A.TXT", "größe.txt", "a b.txt"])
def test_a_file_may_be_called_what_it_likes(tmp_path: Path, name: str) -> None:
    assert one(write(tmp_path / name, "text")).id == name


def test_zip_files_are_read_also_within_zip_files(tmp_path: Path) -> None:
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as packed:
        packed.writestr("deep.md", "# Deep\n")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("docs/a.txt", "one")
        packed.writestr("__MACOSX/docs/._a.txt", "noise")
        packed.write(inner, "inner.zip")
    inner.unlink()
    assert [(d.id, d.text) for d in read_documents(tmp_path) if isinstance(d, Document)] == [
        ("outer.zip/docs/a.txt", "one"), ("outer.zip/inner.zip/deep.md", "# Deep\n"),
    ]  # fmt: skip


def test_reading_again_gives_the_same(tmp_path: Path, pdf: Callable[..., Path]) -> None:
    write(tmp_path / "a.html", "<h1>x</h1>y")
    pdf("b.pdf", ["# T", "text"])
    assert list(read_documents(tmp_path)) == list(read_documents(tmp_path))


# At the door


def test_a_path_to_nothing_and_an_address_without_hosts_are_refused_at_once(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_documents(tmp_path / "none")
    with pytest.raises(OptionError, match="nothing is fetched but from hosts"):
        read_documents("https://example.com/a.html")
    with pytest.raises(OptionError, match="the roles are document, document_id, title"):
        read_documents(tmp_path, columns={"query": "q"})


# What is on this machine anyway


def installed(package: str, *suffixes: str) -> list[Path]:
    found = [Path(str(file.locate())) for file in files(package) or ()]
    return [path for path in found if path.suffix in suffixes and path.is_file()]


def test_the_pages_that_installed_packages_carry_are_read() -> None:
    pages = [
        *installed("numpy", ".md", ".txt"),
        *installed("reportlab", ".txt"),
        *installed("scikit-learn", ".rst", ".md"),
        *installed("Jinja2", ".txt"),
    ]
    assert len(pages) > 5
    for path in pages:
        (found,) = read_documents(path)
        assert isinstance(found, Document) or path.stat().st_size < 3, found


def test_our_own_readme_has_the_headings_that_it_shows() -> None:
    path = Path(__file__).parents[2] / "README.md"
    found = one(path)
    assert headed(found)[0] == "Tunewise"
    fences, shown = False, 0
    for line in path.read_text(encoding="utf-8").splitlines():
        fences ^= line.startswith("```")
        shown += not fences and line.startswith("#")
    assert len(found.headings) == shown


def test_a_limit_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "x" * 2000)
    (found,) = read_documents(tmp_path, limits=Limits(characters=1000))
    assert found == Failure(
        "a.txt", "'a.txt' has more than 1,000 characters. Split it into documents."
    )
