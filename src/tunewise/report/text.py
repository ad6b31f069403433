"""The verdict in the terminal: the answer in one sentence, then the figures behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

from tunewise.report.amounts import (
    count,
    interval,
    milliseconds,
    score,
    seconds,
    signed,
    signed_interval,
)
from tunewise.report.outlook import outlook_words
from tunewise.report.sureness import changes_words, sure_words
from tunewise.report.unmeasured import skipped
from tunewise.report.words import needed_words, target_words, test_use_words
from tunewise.report.year import year_words

Facts = Mapping[str, Any]
Row = list[str]
Paint = Callable[[str, str], str]

_BOLD, _YELLOW, _RED = "\x1b[1m", "\x1b[33m", "\x1b[31m"
_PLAIN = "\x1b[0m"
_SEVERITY_COLOURS = {"error": _RED, "warning": _YELLOW}
_LONGEST_NAME = 22
_GAP = "  "


def to_text(facts: Facts, *, width: int = 100, color: bool = False) -> str:
    """What ends a run in the terminal, no line wider than `width` (at least 80).

    Control characters in the data's own texts are replaced by spaces, so that a document
    cannot steer the terminal. Colour codes appear only with `color=True`, and colour never
    carries a meaning that the words do not.

    >>> print(to_text(facts, width=80))  # doctest: +SKIP
    """
    paint = _painter(color)
    blocks = [
        [paint(line, _BOLD) for line in _wrapped(facts["sentence"], width)],
        _bullets(facts["reasons"], width),
        _tables(facts, width, paint),
        _about(facts, width, paint),
        _findings(facts["findings"], width, paint),
        _skipped(facts, width, paint),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def findings_text(findings: Sequence[Facts], *, width: int = 100) -> str:
    """Findings by themselves, for whoever asked only what is wrong with the data."""
    return "\n".join(_findings(findings, width, _painter(False)))


def _painter(color: bool) -> Paint:
    def paint(line: str, code: str) -> str:
        return f"{code}{line}{_PLAIN}" if color else line

    return paint


def _tables(facts: Facts, width: int, paint: Paint) -> list[str]:
    """One table if it fits, else one of quality and one of price."""
    quality = _quality_rows(facts)
    price = _price_rows(facts)
    together = [[*left, *right[1:]] for left, right in zip(quality, price, strict=True)]
    if _table_width(together) <= width:
        lines = _aligned(together, width, paint)
    else:
        lines = [*_aligned(quality, width, paint), "", *_aligned(price, width, paint)]
    if not facts["contenders"]:
        return ["No contender was measured."]
    return [*lines, "* saved under model/"]


def _quality_rows(facts: Facts) -> list[Row]:
    main = facts["metric"]
    other = "Recall@10" if main != "Recall@10" else "nDCG@10"
    rows = [["contender", main, f"minus {_cut(facts['best_untuned'], 17)}", other]]
    for contender in facts["contenders"]:
        scores = contender["scores"]
        against = contender["against"]
        is_base = contender["name"] == facts["best_untuned"]
        rows.append(
            [
                _name(contender, facts),
                _with_interval(scores.get(main)),
                "best untuned" if is_base else _difference(against),
                score(scores.get(other, {}).get("mean")),
            ]
        )
    return rows


def _price_rows(facts: Facts) -> list[Row]:
    rows = [["contender", "train", "ms/query", "bytes/doc"]]
    for contender in facts["contenders"]:
        measured = facts["timing"]["contenders"].get(contender["name"], {})
        rows.append(
            [
                _name(contender, facts),
                seconds(measured.get("fit_seconds")),
                milliseconds(measured.get("query_ms")),
                count(contender["bytes_per_document"]),
            ]
        )
    return rows


def _name(contender: Facts, facts: Facts) -> str:
    mark = "*" if contender["name"] == facts["contender"] else " "
    return f"{mark} {printable(contender['name'])}"


def _with_interval(value: Facts | None) -> str:
    if value is None:
        return score(None)
    return f"{score(value['mean'])} {interval(value['low'], value['high'])}".strip()


def _difference(against: Facts | None) -> str:
    if against is None:
        return ""
    ends = signed_interval(against["low"], against["high"])
    return f"{signed(against['difference'])} {ends}".strip()


def _aligned(rows: Sequence[Row], width: int, paint: Paint) -> list[str]:
    """The rows under each other; a name that is too long stands on a line of its own."""
    widths = _widths(rows)
    lines = [paint(_line(["  " + rows[0][0], *rows[0][1:]], widths), _BOLD)]
    for name, *figures in rows[1:]:
        if len(name) > widths[0]:
            lines.extend(wrap(name, width, subsequent_indent="  ", drop_whitespace=False))
            name = ""
        lines.append(_line([name, *figures], widths))
    return lines


def _line(cells: Row, widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    padded = [first[0].ljust(first[1])]
    for cell, room in rest:
        # A figure with its interval reads from the left, a bare figure from the right.
        padded.append(cell.ljust(room) if room > 12 else cell.rjust(room))
    return _GAP.join(padded).rstrip()


def _widths(rows: Sequence[Row]) -> list[int]:
    columns = list(zip(*rows, strict=True))
    names = [len(name) for name in columns[0] if len(name) <= _LONGEST_NAME]
    first = max([*names, len("  contender")])
    return [first, *(max(len(cell) for cell in column) for column in columns[1:])]


def _table_width(rows: Sequence[Row]) -> int:
    widths = _widths(rows)
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _about(facts: Facts, width: int, paint: Paint) -> list[str]:
    lines = []
    if sure := sure_words(facts):
        lines += _labelled("Sure", sure, width, paint)
    if facts["target"]:
        lines += _labelled("Target", target_words(facts["target"]), width, paint)
    if facts["needed"]:
        lines += _labelled("Needed", needed_words(facts["needed"]), width, paint)
    if facts["forecast"]:
        lines += _labelled("Labels", outlook_words(facts), width, paint)
    if changes := changes_words(facts):
        lines += _labelled("Change", changes, width, paint)
    if facts["contenders"]:
        lines += _labelled("Cost", year_words(facts), width, paint)
    use = facts["data"]["test_use"]
    lines += _labelled("Test", test_use_words(use), width, paint)
    for told in facts["timing"]["encoding"]:
        lines += _labelled("Engine", told, width, paint)
    return lines


def _findings(findings: Sequence[Facts], width: int, paint: Paint) -> list[str]:
    lines = []
    for finding in findings:
        head = f"{finding['code']} {finding['severity']}: {finding['title']}"
        told = _wrapped(f"{head} ({count(finding['count'])})", width)
        colour = _SEVERITY_COLOURS.get(finding["severity"])
        lines += [paint(line, colour) if colour else line for line in told]
        lines += [_cut(f"     e.g. {one}", width) for one in finding["examples"]]
        lines += _wrapped(finding["advice"], width, indent="     ")
    return lines


def _skipped(facts: Facts, width: int, paint: Paint) -> list[str]:
    told = [f"{names}: {why}" for names, why in skipped(facts)]
    if not told:
        return []
    return [paint("Not measured", _BOLD), *_bullets(told, width)]


def _labelled(label: str, text: str, width: int, paint: Paint) -> list[str]:
    first, *rest = _wrapped(text, width - 8)
    return [f"{paint(label.ljust(6), _BOLD)}  {first}", *(f"{'':8}{line}" for line in rest)]


def _bullets(texts: Iterable[str], width: int) -> list[str]:
    return [
        line
        for text in texts
        for line in wrap(printable(text), width, initial_indent="- ", subsequent_indent="  ")
    ]


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return wrap(printable(text), width, initial_indent=indent, subsequent_indent=indent) or [""]


def _cut(text: str, room: int) -> str:
    text = printable(text)
    return text if len(text) <= room else f"{text[: room - 1]}…"


def printable(text: str) -> str:
    """The text with what could steer a terminal replaced by spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
