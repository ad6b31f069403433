"""Tuned: a tuning as one plain dict, and the text, the page and the folder made of it."""

import json
import os
import platform
import re
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunewise.contenders import save_contender
from tunewise.encoders import DEFAULT_ENCODER, Encoder
from tunewise.errors import OutputError
from tunewise.files import put_back, whole_set, write_text
from tunewise.measurement.kinds import metric_of
from tunewise.measurement.tuning import Tuning
from tunewise.prices import Prices
from tunewise.report.card import model_card, tuned_page
from tunewise.report.save import check_place, clear_shrunk
from tunewise.report.versions import version_of, versions

FORMAT = 1
WATTS_A_CORE = Prices().watt / 2
"""Assumed, not measured: what a busy processor core and its share of the machine draw."""

_SEAL = "tuned.json"
_OWN = ("README.md", "recipe.json", "report.html")
_PACKAGES = ("tunewise", "numpy", "torch", "sentence-transformers", "transformers", "peft")
_DECIMALS = 6
_LICENCE = re.compile(r"^license:[ \t]*(?:\n[ \t]*-[ \t]+)?['\"]?([\w.+][\w.+-]*)", re.MULTILINE)


def tuned_facts(tuning: Tuning) -> dict[str, Any]:
    """Everything a tuning says, in plain values.

    What differs from run to run (times, energy) is all under "timing".
    """
    outcome, gain = tuning.outcome, tuning.gain
    return {
        "format": FORMAT,
        "tunewise": version_of("tunewise"),
        "rung": tuning.rung,
        "kind": tuning.kind,
        "metric": tuning.metric,
        "improved": tuning.improved,
        "reason": outcome.reason,
        "delivered": {
            "name": outcome.contender.name,
            "share": outcome.share,
            "stamp": getattr(outcome.contender.encoder, "stamp", None),
        },
        "encoder": {
            "name": tuning.encoder.name,
            "stamp": tuning.encoder.stamp,
            "dimension": tuning.encoder.dimension,
            "licence": licence(tuning.encoder),
        },
        "gain": None if gain is None else gain.to_dict(),
        "gains": [one.to_dict() for one in tuning.gains],
        "measured_on": tuning.measured_on,
        "dev": None if outcome.dev is None else {"base": outcome.dev[0], "tuned": outcome.dev[1]},
        "loss": None
        if tuning.loss is None
        else {"name": tuning.loss.name, "reason": tuning.loss.reason},
        "recipe": _recipe(tuning),
        "training": _training(tuning),
        "frontier": _frontier(tuning),
        "keep": _keep(tuning),
        "matryoshka": _matryoshka(tuning),
        "findings": [finding.to_dict() for finding in tuning.findings],
        "notes": list(tuning.notes),
        "data": dict(tuning.data),
        "seed": tuning.options.seed,
        "reproduce": command(tuning),
        "versions": versions(_PACKAGES),
        "timing": _timing(tuning),
    }


def save_tuned(tuning: Tuning, folder: str | Path) -> dict[str, Any]:
    """Writes what tuning leaves behind into `folder`, all of it or nothing, and gives its facts.

    `model/` is what is delivered: plain sentence-transformers loads it, and so do `tunewise
    search` and `tunewise compare`; `base/` describes what it was held against. `recipe.json`
    makes it again, `tuned.json` has the facts, `README.md` is the model card and `report.html`
    the report. `tuned.json` comes last: where it is, all is.

    Raises OutputError as `check_tuned_place` does.

    >>> import tunewise
    >>> tunewise.save_tuned(tuning, "tuned/")  # doctest: +SKIP
    """
    found: dict[str, Any] = rounded(tuned_facts(tuning))
    check_tuned_place(folder)
    with whole_set(Path(folder), seal=_SEAL) as beside:
        save_contender(tuning.outcome.contender, beside / "model")
        save_contender(tuning.outcome.base, beside / "base", model=False)
        write_text(beside / "recipe.json", _json(_made_again(found)))
        write_text(beside / "README.md", model_card(found))
        write_text(beside / "report.html", tuned_page(found))
        write_text(beside / _SEAL, _json(found))
    clear_shrunk(Path(folder))
    return found


def check_tuned_place(folder: str | Path) -> None:
    """Makes sure, before long work, that what is tuned can go into `folder`.

    Raises OutputError if it cannot be written, or holds what somebody else put there and what
    would be lost.
    """
    check_place(folder)
    put_back(Path(folder))
    if (Path(folder) / _SEAL).is_file() or (Path(folder) / "verdict.json").is_file():
        return
    there = [name for name in _OWN if (Path(folder) / name).exists()]
    if there:
        raise OutputError(
            f"'{Path(folder) / there[0]}' was not written by Tunewise and would be lost. "
            "Choose another folder with --out."
        )


def licence(encoder: Encoder) -> str:
    """The licence that the model's own card states; where it states none, where to look."""
    card = Path(getattr(encoder, "folder", "")) / "README.md"
    if getattr(encoder, "folder", None) is not None and card.is_file():
        head = card.read_text(encoding="utf-8", errors="replace").split("\n---", 1)[0]
        found = _LICENCE.search(head) if head.startswith("---") else None
        if found:
            return found[1]
    return "unknown: look at the base's own card"


def command(tuning: Tuning) -> str:
    """The command that gives this again; what is as it would be anyway is left out."""
    options, read_with = tuning.options, tuning.data["read_with"]
    words = ["tunewise", "tune", tuning.data["source"], "--rung", options.rung]
    words += ["--kind", tuning.kind]
    for role in ("documents", "queries", "judgments", "clicks"):
        words += [f"--{role}", str(read_with[role])] if role in read_with else []
    columns = read_with.get("columns", {})
    words += [word for role, name in columns.items() for word in ("--column", f"{role}={name}")]
    mined = isinstance(options.negatives, int)
    given = {
        "--encoder": tuning.encoder.name,
        "--loss": options.loss,
        "--matryoshka": ",".join(map(str, options.matryoshka)) or None,
        "--negatives": options.negatives or None if mined else None,
        "--negatives-from": None if mined else options.negatives,
        "--keep": None if tuning.other is None else tuning.other.asked,
        "--keep-loss": options.keep_loss,
        "--budget": None if options.budget is None else f"{options.budget:g}s",
        "--epochs": options.epochs,
        "--learning-rate": options.learning_rate,
        "--batch": options.batch,
        "--precision": options.precision,
        "--metric": tuning.metric,
        "--track": ",".join(options.track) or None,
    }
    usual = {
        "--encoder": DEFAULT_ENCODER,
        "--keep": "docstrings",
        "--keep-loss": 0.01,
        "--metric": metric_of(tuning.kind, None),
    }
    for flag, value in given.items():
        if value is not None and usual.get(flag) != value:
            words += [flag, str(value)]
    return shlex.join([*words, "--seed", str(options.seed), "--out", "DIR"])


def rounded(value: Any) -> Any:
    """The same plain values with six decimals, so that all forms are made of the same numbers.

    Numbers below a hundredth, such as learning rates, keep six digits.
    """
    if isinstance(value, float):
        if 0 < abs(value) < 0.01:
            return float(f"{value:.{_DECIMALS}g}")
        return round(value, _DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return value


def _recipe(tuning: Tuning) -> dict[str, Any]:
    if tuning.run is not None:
        return tuning.run.recipe.to_dict()
    return dict(tuning.outcome.contender.settings)


def _training(tuning: Tuning) -> dict[str, Any] | None:
    run = tuning.run
    if run is None:
        return None
    looks = [{"step": one.step, "score": one.score, "loss": one.loss} for one in run.looks]
    return {"looks": looks, "rows": run.rows, "steps": run.steps, "of_steps": run.of_steps}


def _frontier(tuning: Tuning) -> list[dict[str, Any]]:
    return [
        {
            "share": point.share,
            "score": point.score,
            "kept": point.kept,
            "delivered": point.share == tuning.outcome.share,
        }
        for point in (tuning.run.frontier if tuning.run else ())
    ]


def _keep(tuning: Tuning) -> dict[str, Any] | None:
    other = tuning.other
    if other is None or other.exam is None:
        return None
    return {
        "source": other.source,
        "fingerprint": other.fingerprint,
        "queries": other.queries,
        "metric": other.exam.metric,
        "loss": tuning.options.keep_loss,
    }


def _matryoshka(tuning: Tuning) -> dict[str, Any] | None:
    found = tuning.prefixes
    if found is None:
        return None
    rows = [
        {"size": row.size, "base": row.base, "without": row.without, "tuned": row.tuned}
        for row in found.rows
    ]
    return {
        "rows": rows,
        "third": found.third,
        "full": found.full,
        "keeps": found.keeps,
        "holds": found.holds,
        "why": "" if found.holds else found.why,
    }


def _timing(tuning: Tuning) -> dict[str, Any]:
    cores = os.cpu_count() or 1
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": tuning.seconds,
        "training_seconds": tuning.training_seconds,
        "energy": {
            "watt_hours": tuning.training_seconds * cores * WATTS_A_CORE / 3600,
            "watts_a_core": WATTS_A_CORE,
            "cores": cores,
        },
        "machine": {
            "system": platform.system(),
            "processor": platform.processor() or platform.machine(),
            "cores": cores,
        },
    }


def _made_again(found: Mapping[str, Any]) -> dict[str, Any]:
    """What it takes to make the same model again."""
    taken = ("format", "rung", "kind", "metric", "encoder", "loss", "recipe", "delivered", "keep")
    data = {key: found["data"][key] for key in ("source", "read_with", "fingerprint", "shape")}
    made = {key: found[key] for key in taken}
    return made | {
        "data": data,
        "seed": found["seed"],
        "versions": found["versions"],
        "command": found["reproduce"],
    }


def _json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
