"""HTML: what a reader sees of a page, without menus, scripts and forms."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urldefrag, urljoin

from tunewise.documents.blocks import Block, document_of
from tunewise.documents.decoding import decoded
from tunewise.documents.document import Document
from tunewise.documents.source import Source
from tunewise.errors import DataError
from tunewise.extras import need

_UNSEEN = frozenset(
    ("script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object", "canvas",
     "audio", "video", "nav", "footer", "aside", "button", "select", "dialog")
)  # fmt: skip
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = (
    "html", "body", "main", "article", "section", "header", "div", "form", "fieldset", "figure",
    "p", "pre", "blockquote", "ul", "ol", "dl", "table", "caption", "figcaption", "hr", "address",
    "details", "hgroup", *_HEADINGS,
)  # fmt: skip
_LINES = ("li", "dt", "dd", "tr", "summary")
_ENDS = {**dict.fromkeys(_BLOCKS, "\n\n"), **dict.fromkeys(_LINES, "\n")}
"""What stands between the text of such an element and the next."""
_CELLS = frozenset({"td", "th"})
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE)
_HEAD = 4096  # bytes in which a page says its encoding; browsers look at 1,024


def read(source: Source) -> Iterator[Document]:
    """The page as one document: its `main` part if it has one with text, else its body."""
    root, encoding = _opened(source)
    title = root.findtext(".//title") or ""
    mains = [node for node in root.iter("main") if "".join(node.itertext()).strip()]
    part = mains[0] if len(mains) == 1 else root
    yield document_of(source, _blocks(part), title=title, metadata=encoding)


def links(source: Source) -> Iterator[str]:
    """The addresses that a page leads to, in their order, without what comes after a #.

    They may be of any scheme, or none at all. Raises DataError for a page that cannot be read.
    """
    root, _ = _opened(source)
    named = root.find(".//base[@href]")
    base = source.address if named is None else _joined(source.address, named.get("href"))
    for node in root.iter("a", "area"):
        if found := _joined(base, node.get("href", "")):
            yield found


def _joined(base: str, link: str) -> str:
    """Where a link leads to, "" for what no browser would follow."""
    try:
        return urldefrag(urljoin(base, link.strip())).url if link.strip() else ""
    except ValueError:
        return ""


def _opened(source: Source) -> tuple[Any, Mapping[str, str]]:
    """The page as a tree, and what is to be told of its encoding."""
    content = source.path.read_bytes()
    said = _CHARSET.search(content[:_HEAD])
    charset = source.charset or (said[1].decode("ascii") if said else "")
    text, encoding = decoded(content, charset)
    return _parsed(text, source), encoding


def _parsed(text: str, source: Source) -> Any:
    lxml = need("lxml.html", extra="documents")
    # The encoding is known by now: what the page says of it does not count any more.
    # huge_tree: otherwise texts of 10 MB and what is nested 256 deep would be left out unsaid
    parser = lxml.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    etree = need("lxml.etree", extra="documents")
    try:
        root = lxml.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.LxmlError as wrong:
        raise DataError(f"'{source.name}' cannot be read as HTML: {wrong}.") from wrong
    if broken := parser.error_log.filter_from_level(etree.ErrorLevels.FATAL):
        raise DataError(
            f"'{source.name}' cannot be read to its end as HTML: {broken[0].message}. Save it as "
            "text."
        )
    return root


def _blocks(root: Any) -> Iterator[Block]:
    """Runs of text between the elements that end one; without recursion, as pages may be deep."""
    words: list[str] = []
    kept = heading = 0  # how many `pre` and headings are open
    walk = need("lxml.etree", extra="documents").iterwalk(root, events=("start", "end"))
    for event, node in walk:
        tag = node.tag if isinstance(node.tag, str) else ""
        unseen = tag in _UNSEEN or node.get("hidden") is not None
        if end := _ENDS.get(tag):
            yield Block("".join(words), heading > 0, end)
            words = []
        step = 1 if event == "start" else -1
        kept += step * (tag == "pre")
        heading += step * (tag in _HEADINGS)
        if event == "start":
            if unseen:
                walk.skip_subtree()
            else:
                words += [*_opening(tag, words), _spaced(node.text, kept)]
        elif node is not root:
            words.append(_spaced(node.tail, kept))
    yield Block("".join(words))


def _opening(tag: str, words: list[str]) -> list[str]:
    if tag == "br":
        return ["\n"]
    return [" | "] if tag in _CELLS and any(word.strip() for word in words) else []


def _spaced(text: str | None, kept: int) -> str:
    return (text or "") if kept else re.sub(r"\s+", " ", text or "")
