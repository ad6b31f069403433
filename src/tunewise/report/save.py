"""The verdict on disk: `verdict.json` and `report.html`."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewise.contenders import save_contender
from tunewise.contenders.kept import FILE
from tunewise.contenders.shrunk import belongs
from tunewise.costs import Use
from tunewise.errors import OutputError
from tunewise.files import check_writable, put_back, whole_set, write_text
from tunewise.prices import Prices
from tunewise.report.facts import facts
from tunewise.report.page import to_page
from tunewise.verdict import Verdict

_DECIMALS = 6
RIVAL = "rival"
"""Where the best tuned contender lies while nobody can tell whether it pays."""
_MODELS = ("model", "base", RIVAL)
SHRUNK = ("shrink.safetensors", "shrink.json", "shrink.html")
"""What a shrink leaves in a folder; the first is what search takes."""


def save_report(found: Mapping[str, Any], folder: str | Path) -> None:
    """Writes `verdict.json` and `report.html` into `folder`, each whole or not at all.

    Both are made from the same rounded numbers (6 decimals), so the page can be made again
    from the file. Keys keep their order. `verdict.json` is written last: where it is,
    the report is complete.

    Raises OutputError if the folder cannot be written, and ValueError, before anything is
    written, if a number is NaN or infinite, which JSON cannot hold.

    >>> save_report(facts, "verdict/")  # doctest: +SKIP
    """
    plain = rounded(found)
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = to_page(plain)
    write_text(Path(folder) / "report.html", page)
    write_text(Path(folder) / "verdict.json", text)


def save_verdict(
    verdict: Verdict,
    folder: str | Path,
    *,
    prices: Prices | None = None,
    use: Use | None = None,
    named: bool = True,
) -> dict[str, Any]:
    """Writes all that a verdict leaves behind into `folder`, and gives its facts.

    What a year costs is reckoned at these `prices` and for this `use`; None: the usual ones.
    The report's commands name `folder`, unless `named` is False.

    `model/` holds the recommended contender, `base/` the description of what it was held against,
    `rival/` the best tuned contender if the answer is that nobody can tell yet, and
    `report.html` and `verdict.json` the facts. Either all of it is written or nothing, and
    `verdict.json` comes last: where it is, all is.

    Raises OutputError as `check_place` does.
    """
    found = facts(verdict, prices=prices, use=use, folder=folder if named else None)
    check_place(folder)
    with whole_set(Path(folder), seal="verdict.json") as beside:
        save_contender(verdict.contender, beside / "model")
        save_contender(verdict.base, beside / "base", model=False)
        if verdict.rival is not None:
            save_contender(verdict.rival, beside / RIVAL)
        save_report(found, beside)
    if verdict.rival is None:
        shutil.rmtree(Path(folder) / RIVAL, ignore_errors=True)
    if not belongs(Path(folder) / SHRUNK[0], verdict.contender, verdict.task.documents):
        clear_shrunk(Path(folder))
    return found


def clear_shrunk(folder: Path) -> None:
    """Removes what `tunewise shrink` left there for another winner."""
    for name in SHRUNK:
        (folder / name).unlink(missing_ok=True)


def check_place(folder: str | Path) -> None:
    """Makes sure, before long work, that a verdict can go into `folder`; makes it if need be.

    Raises OutputError if it cannot be written, or has a `model` or `base` of somebody else's,
    which would be lost.
    """
    check_writable(Path(folder))
    put_back(Path(folder))
    check_models(Path(folder))


def check_models(folder: Path) -> None:
    """Raises OutputError if a model of somebody else's would be lost in `folder`."""
    for name in _MODELS:
        place = folder / name
        if place.exists() and not (place / FILE).is_file():
            raise OutputError(
                f"'{place}' was not written by Tunewise, and a verdict in '{folder}' would take "
                "its place. Choose another folder with --out."
            )


def rounded(value: Any) -> Any:
    """The same values with six decimals at the most."""
    if isinstance(value, float):
        return round(value, _DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return value
