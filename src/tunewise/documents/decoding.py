"""Decoding: bytes become text, and what was guessed about them is told."""

import codecs
import re
from collections.abc import Mapping

from tunewise.data.textfile import BINARY, MARKS
from tunewise.errors import DataError

_GUESS = "windows-1252"
_MOST_HIGH = 0.2
"""Of all bytes, the share beyond ASCII that Western languages stay below (French has 0.04); other
scripts in their own old encodings have more, and this guess would make nonsense of them."""
_MOST_CONTROL = 0.02
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # but for tab, line and page ends, ESC

_ALIASES = {"ascii": _GUESS, "iso8859-1": _GUESS}  # what browsers read them as (WHATWG Encoding)
_SAFE = re.compile(
    r"utf-(8|16|16-le|16-be)|utf-8-sig|cp(125[0-8]|866|874|932|949|950)|windows-1252|gb(2312|k|18030)"
    r"|iso8859-\d+|koi8-[ru]|shift_jis|euc_(jp|kr)|iso2022_jp|big5|tis-620|mac-roman|mac-cyrillic"
)
"""Python knows more, of which some are no encodings of texts and slow on purpose-made input."""


def decoded(content: bytes, charset: str = "") -> tuple[str, Mapping[str, str]]:
    """The text of these bytes, and its encoding under "encoding" if that is not Unicode.

    A byte order mark says it, then `charset` (what a server or the page says), then UTF-8 is
    tried. What is none of them but looks like a Western text is read as Windows-1252, and told as
    a guess. Raises DataError for what is empty, binary or in another encoding.

    >>> decoded("Käse, Brot".encode("cp1252"))
    ('Käse, Brot', {'encoding': 'windows-1252 (guessed)'})
    """
    if not content:
        raise DataError("The file is empty. Check that it was written to the end.")
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return _text(content, encoding), {}
    for magic, kind in BINARY:
        if content.startswith(magic):
            raise _binary(f"it is {kind}")
    if known := _known(charset):
        told = {} if known.startswith("utf") else {"encoding": known}
        return _text(content, known), told
    try:
        return _readable(content.decode("utf-8")), {}
    except UnicodeDecodeError as wrong:
        return _guessed(content, wrong)


def _guessed(content: bytes, wrong: UnicodeDecodeError) -> tuple[str, Mapping[str, str]]:
    high = len(content) - len(content.translate(None, bytes(range(128, 256))))
    try:
        if high <= _MOST_HIGH * len(content):
            return _readable(content.decode(_GUESS)), {"encoding": f"{_GUESS} (guessed)"}
    except UnicodeDecodeError:
        pass
    line = content.count(b"\n", 0, wrong.start) + 1
    raise DataError(
        f"Line {line} is not UTF-8 (byte 0x{content[wrong.start]:02x}), and the file is not "
        f"{_GUESS} either. Save it as UTF-8."
    ) from wrong


def _known(charset: str) -> str:
    """The codec's name for an encoding that is told, "" for one that is not known here."""
    try:
        name = codecs.lookup(charset.strip()).name if charset.isascii() else ""
    except (LookupError, ValueError):
        return ""
    name = _ALIASES.get(name, name)
    return name if _SAFE.fullmatch(name) else ""


def _text(content: bytes, encoding: str) -> str:
    try:
        return _readable(content.decode(encoding))
    except UnicodeDecodeError as wrong:
        raise DataError(
            f"The file says that it is {encoding.upper()}, but byte {wrong.start:,} is not valid "
            "there. It may have been cut off; save it again as UTF-8."
        ) from wrong


def _readable(text: str) -> str:
    if "\0" in text:
        raise _binary("it holds NUL bytes")
    if len(_CONTROL.findall(text)) > _MOST_CONTROL * len(text):
        raise _binary("it is full of control characters")
    return text


def _binary(why: str) -> DataError:
    return DataError(
        f"The file is not a text: {why}. Give it the ending of what it is, or save it as UTF-8."
    )
