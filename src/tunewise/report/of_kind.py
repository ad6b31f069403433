"""A verdict over any kind of task: its facts, as a page, and on disk.

Figures, drawings and sentences are those of a search, said of what is counted here; what only this
kind has to show are its panels.
"""

import json
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tunewise.comparison import level_of
from tunewise.costs import Encoding, Use, Work, year
from tunewise.encoders import DEFAULT_ENCODER, TransformerEncoder, is_hosted
from tunewise.files import check_writable, put_back, whole_set, write_text
from tunewise.kinds import Contender, save
from tunewise.kinds.panels import plain
from tunewise.prices import Prices
from tunewise.report import amounts, drawings, sureness, unmeasured, words
from tunewise.report.page import forecast_shown, render
from tunewise.report.panels import HEIGHT, MAP_HEIGHT, drawn
from tunewise.report.place import out_flags
from tunewise.report.save import RIVAL, check_models, clear_shrunk, rounded
from tunewise.report.text_of_kind import metrics_of, said_of
from tunewise.report.versions import made_on, version_of, versions
from tunewise.report.year import use_flags
from tunewise.verdict import CANNOT_TELL, Price, Standing
from tunewise.verdict.of_kind import KindVerdict

Facts = Mapping[str, Any]
FORMAT = 1
_PACKAGES = ("tunewise", "numpy", "torch", "sentence-transformers", "scikit-learn")
_PARTS = ("total", "labelling", "tuning", "storing", "serving")


def kind_facts(
    verdict: KindVerdict,
    *,
    prices: Prices | None = None,
    use: Use | None = None,
    folder: str | Path | None = None,
) -> dict[str, Any]:
    """Everything a verdict over a kind says, in plain values; its commands name `folder`.

    What differs from run to run is all under "timing".
    """
    decision, prices, use = verdict.decision, prices or Prices(), use or Use()
    return {
        "format": FORMAT,
        "tunewise": version_of("tunewise"),
        "kind": verdict.kind.name,
        "unit": verdict.kind.unit,
        "units": verdict.kind.units,
        "answer": decision.answer,
        "contender": decision.contender,
        "rung": decision.rung,
        "sentence": decision.sentence,
        "reasons": [*decision.reasons, *_notes(verdict), *verdict.kind.said(verdict.shown)],
        "metric": verdict.settings["metric"],
        "worth": verdict.settings["worth"],
        "best_untuned": decision.best_untuned,
        "best_tuned": decision.best_tuned,
        "gain": None if decision.gain is None else decision.gain.to_dict(),
        "needed": None if decision.needed is None else _needed(verdict),
        "target": None if decision.target is None else _target(verdict),
        "forecast": None if verdict.forecast is None else verdict.forecast.to_dict(),
        "changes": [asdict(change) for change in verdict.changes],
        "data": _data(verdict),
        "findings": [finding.to_dict() for finding in verdict.findings],
        "contenders": [
            _contender(verdict, one, standing)
            for one, standing in zip(verdict.contenders, verdict.standings, strict=True)
        ],
        "skipped": [asdict(skip) for skip in verdict.skipped],
        "panels": [plain(panel) for panel in verdict.kind.panels(verdict.shown)],
        "settings": {**verdict.settings, "prices": prices.to_dict(), "use": asdict(use)},
        "reproduce": _command(verdict, use, prices, folder),
        "trial": verdict.kind.trial_in(folder or "FOLDER"),
        "versions": versions(_PACKAGES),
        "timing": _timing(verdict, prices, use),
    }


def _notes(verdict: KindVerdict) -> list[str]:
    """What the contender recommended and the best tuned one have to say of their fitting."""
    named = (verdict.decision.contender, verdict.decision.best_tuned)
    return [
        f"{one.name}: {note}."
        for one in verdict.contenders
        if one.name in named
        for note in one.notes
    ]


def _needed(verdict: KindVerdict) -> dict[str, Any]:
    needed = verdict.decision.needed
    assert needed is not None  # noqa: S101 - asked only where there is one
    return {**asdict(needed), "more": needed.more}


def _target(verdict: KindVerdict) -> dict[str, Any]:
    target = verdict.decision.target
    assert target is not None  # noqa: S101 - asked only where there is one
    score = target.score
    ends = {"score": score.mean, "low": score.low, "high": score.high}
    return {
        "metric": target.metric, "value": target.value, "from": "yours", **ends, "met": target.met
    }  # fmt: skip


def _data(verdict: KindVerdict) -> dict[str, Any]:
    split = verdict.data["split"]
    judged = sum(split[part] for part in ("train", "dev", "test"))
    return {**verdict.data, "judged": judged, "judgments": judged if _labelled(verdict) else 0}


def _labelled(verdict: KindVerdict) -> bool:
    """Whether somebody has to label what more would be learned from."""
    tuned = verdict.decision.best_tuned
    families = [one.family for one in verdict.contenders if one.name == tuned]
    return not families or families[0] in verdict.kind.taught


def _contender(verdict: KindVerdict, one: Contender, standing: Standing) -> dict[str, Any]:
    scores, seed = standing.scores, verdict.settings["seed"]
    against = verdict.decision.against.get(one.name)
    return {
        "name": one.name,
        "family": one.family,
        "tuned": one.tuned,
        "rung": one.rung,
        "encoder": None if one.encoder is None else one.encoder.name,
        "settings": {name: value for name, value in one.settings.items() if _short(value)},
        "trainings": 1 + len(standing.repeats) if one.tuned else 0,
        "dev": standing.dev,
        "scores": {
            name: level_of(scores, name, verdict.groups, seed=seed).to_dict()
            for name in scores.names
        },
        "against": None if against is None else against.to_dict(),
        "bytes_each": one.bytes_each,
        "notes": list(one.notes),
    }


def _short(value: Any) -> bool:
    """Whether a setting is for people to read, and no list of a vocabulary."""
    return not isinstance(value, list | dict) or len(value) <= 20


def _command(
    verdict: KindVerdict, use: Use, prices: Prices, folder: str | Path | None = None
) -> str:
    """The command that gives this verdict again; what is as it would be anyway is left out."""
    data, settings = verdict.data, verdict.settings
    words_ = ["tunewise", "measure", data["source"], "--kind", verdict.kind.name]
    for role, name in data["read_with"].get("columns", {}).items():
        words_ += ["--column", f"{role}={name}"]
    for role, file in data["read_with"].get("files", {}).items():
        words_ += ["--file", f"{role}={file}"]
    for name, value in data["read_with"].get("options", {}).items():
        words_ += ["--set", f"{name}={value}"]
    if settings["encoders"] != [DEFAULT_ENCODER]:
        words_ += [word for name in settings["encoders"] for word in ("--encoder", name)]
    words_ += out_flags(folder, data["source"])
    engines = [engine for engine in settings["engines"] if engine is not None]
    flags = {
        "--engine": (engines[0] if engines else None, None),
        "--base-url": (settings["base_url"], None),
        "--metric": (settings["metric"], verdict.kind.deciding[0]),
        "--worth": (settings["worth"], 0.02),
        "--target": (settings["target"], None),
        "--try": (None if settings["try"] is None else ",".join(settings["try"]), None),
    }
    for flag, (value, usual) in flags.items():
        words_ += [] if value == usual else [flag, str(value)]
    if settings["budget_seconds"] is not None:
        words_ += ["--budget", f"{settings['budget_seconds']:g}s"]
    words_ += [*use_flags(use), *prices.flags()]
    return shlex.join([*words_, "--seed", str(settings["seed"])])


def _timing(verdict: KindVerdict, prices: Prices, use: Use) -> dict[str, Any]:
    costs = {
        one.name: year(_work(verdict, one, verdict.prices[one.name]), use, prices).to_dict()
        for one in verdict.contenders
    }
    return {
        **made_on(),
        "seconds": verdict.seconds,
        "encoding": _encoding(verdict),
        "contenders": {name: asdict(price) for name, price in verdict.prices.items()},
        "costs": costs,
    }


def _encoding(verdict: KindVerdict) -> list[str]:
    encoders = [c.encoder for c in verdict.contenders if isinstance(c.encoder, TransformerEncoder)]
    return list(dict.fromkeys(encoder.why for encoder in encoders if encoder.why))


def _work(verdict: KindVerdict, one: Contender, price: Price) -> Work:
    """What was measured of a contender; each new unit is read once, when it is answered."""
    hosted = one.encoder is not None and is_hosted(one.encoder.name)
    train = verdict.data["split"]["train"]
    return Work(
        documents=verdict.data["texts"],
        fitting=price.fit_seconds,
        document=Encoding(0.0),
        query=Encoding(None if hosted else (price.query_ms - price.rank_ms) / 1000, None, hosted),
        ranking=price.rank_ms / 1000,
        bytes_per_document=one.bytes_each,
        judgments=train if one.family in verdict.kind.taught else 0,
        tuned=one.tuned,
    )


def _steps(facts: Facts) -> list[words.Step]:
    """What to do now, most important first."""
    kept, needed = f"{facts['contender']}, which is saved under model/", facts["needed"]
    if facts["answer"] == CANNOT_TELL:
        steps = [words.Step(f"Until it can be told, use {kept}."), *words.give_time(facts)]
        if needed and needed["more"]:
            more = amounts.plural(needed["more"], f"more {facts['unit']}", f"more {facts['units']}")
            steps.append(
                words.Step(f"Put {more} with known answers into test.", facts["reproduce"])
            )
    else:
        steps = [words.Step(f"Use {kept}."), *words.give_time(facts)]
    serious = [one["code"] for one in facts["findings"] if one["severity"] != "note"]
    if serious:
        told = f"Look at what was noticed in the data ({', '.join(serious)}): it may move figures."
        steps.append(words.Step(told))
    return [*steps, words.Step("Try it by hand.", facts["trial"])]


def kind_page(facts: Facts) -> str:
    """One self-contained HTML document, as `to_page` makes one of a search."""
    said, gain = said_of(facts), facts["gain"]
    scores = [one["scores"][facts["metric"]] for one in facts["contenders"]]
    names = [one["name"] for one in facts["contenders"]]
    reference = scores[names.index(facts["best_untuned"])]["mean"]
    return render(
        "kind.html.jinja",
        facts=facts,
        steps=_steps(facts),
        headline=words.headline(facts),
        gain_drawing=drawings.draw_gain(gain, facts["worth"]) if gain else None,
        bars=drawings.draw_bars(scores, reference),
        interval_words=said(sureness.interval_words(facts)) if gain else None,
        sure_words=said(sureness.sure_words(facts) or ""),
        changes_rows=[tuple(map(said, row)) for row in sureness.changes_rows(facts)]
        if gain
        else [],
        test_use_words=said(words.test_use_words(facts["data"]["test_use"])),
        metrics=metrics_of(facts),
        year_rows=_year_rows(facts),
        panels=[drawn(panel) for panel in facts["panels"]],
        skipped=unmeasured.skipped(facts),
        panel_height=HEIGHT,
        map_height=MAP_HEIGHT,
        **_outlook(forecast_shown(facts), said),
    )


def _outlook(shown: Mapping[str, Any], said: Callable[[str], str]) -> dict[str, Any]:
    """The forecast's words and rows, said of what is counted here."""
    found = dict(shown)
    for name in ("outlook_words", "curve_words", "labels_words"):
        if name in found:
            found[name] = said(found[name])
    if "outlook_rows" in found:
        found["outlook_rows"] = [list(map(said, row)) for row in found["outlook_rows"]]
    return found


def _year_rows(facts: Facts) -> list[list[str]]:
    currency = facts["settings"]["prices"]["currency"]
    rows = [["contender", *_PARTS]]
    for name, parts in facts["timing"]["costs"].items():
        rows.append([name, *(amounts.money(parts[part]["money"], currency) for part in _PARTS)])
    return rows


def save_kind_verdict(
    verdict: KindVerdict,
    folder: str | Path,
    *,
    prices: Prices | None = None,
    use: Use | None = None,
) -> dict[str, Any]:
    """Writes `model/`, `report.html` and `verdict.json` into `folder`, all or nothing.

    `rival/` holds the best tuned contender while nobody can tell whether it pays. Raises
    OutputError as `check_place` does.
    """
    place = Path(folder)
    check_kind_place(place)
    found: dict[str, Any] = rounded(kind_facts(verdict, prices=prices, use=use, folder=folder))
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = kind_page(found)
    with whole_set(place, seal="verdict.json") as beside:
        about = verdict.kind.about(verdict.shown)
        save(verdict.kind, verdict.contender, beside / "model", about)
        if verdict.rival is not None:
            save(verdict.kind, verdict.rival, beside / RIVAL, about)
        write_text(beside / "report.html", page)
        write_text(beside / "verdict.json", text)
    for stale in ("base", *(() if verdict.rival else (RIVAL,))):
        shutil.rmtree(place / stale, ignore_errors=True)
    clear_shrunk(place)
    return found


def check_kind_place(folder: Path) -> None:
    """Makes sure, before long work, that a verdict can go there. Raises OutputError if not."""
    check_writable(folder)
    put_back(folder)
    check_models(folder)
