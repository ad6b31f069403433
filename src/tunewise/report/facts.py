"""facts: a verdict as one plain dict, from which terminal, page and `verdict.json` are made."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tunewise.comparison import level_of
from tunewise.contenders import Contender
from tunewise.costs import Use
from tunewise.data.making import ADVICE, BIAS
from tunewise.encoders import DEFAULT_ENCODER, TransformerEncoder
from tunewise.prices import Prices
from tunewise.rankings import Rankings
from tunewise.report.place import out_flags
from tunewise.report.versions import made_on, version_of, versions
from tunewise.report.year import use_flags, year_facts
from tunewise.verdict import Change, Needed, Standing, Stories, Target, Verdict, headline

FORMAT = 1
_PACKAGES = ("tunewise", "numpy", "torch", "sentence-transformers", "bm25s")
_SHOWN = 3  # documents of each contender told of for a query
_CLIPPED = 600  # characters of a text that are told


def facts(
    verdict: Verdict,
    *,
    prices: Prices | None = None,
    use: Use | None = None,
    folder: str | Path | None = None,
) -> dict[str, Any]:
    """Everything a verdict says, in plain values; its shape is docs/verdict.schema.json.

    Its commands name `folder`, where the verdict is kept.
    What differs from run to run (times, and money made of them) is all under "timing": the rest
    is the same for the same task, settings and machine.
    """
    decision, prices, use = verdict.decision, prices or Prices(), use or Use()
    pairs = list(zip(verdict.contenders, verdict.standings, strict=True))
    return {
        "format": FORMAT,
        "tunewise": version_of("tunewise"),
        "answer": decision.answer,
        "contender": decision.contender,
        "rung": decision.rung,
        "sentence": decision.sentence,
        "reasons": [*decision.reasons, *_of_tuned(verdict)],
        "metric": verdict.settings["metric"],
        "worth": verdict.settings["worth"],
        "provisional": _provisional(verdict),
        "best_untuned": decision.best_untuned,
        "best_tuned": decision.best_tuned,
        "gain": None if decision.gain is None else decision.gain.to_dict(),
        "target": _target(decision.target),
        "needed": _needed(decision.needed),
        "forecast": None if verdict.forecast is None else verdict.forecast.to_dict(),
        "changes": [asdict(change) for change in verdict.changes],
        "data": dict(verdict.data),
        "findings": [finding.to_dict() for finding in verdict.findings],
        "contenders": [_contender(verdict, *pair) for pair in pairs],
        "skipped": [asdict(skip) for skip in verdict.skipped],
        "queries": _stories(verdict, verdict.stories),
        "differences": [] if verdict.stories is None else list(verdict.stories.differences),
        "settings": {**verdict.settings, "prices": prices.to_dict(), "use": asdict(use)},
        "reproduce": _command(verdict, use, prices, folder),
        "trial": f'tunewise search {shlex.quote(str(folder or "FOLDER"))} "your words"',
        "versions": versions(_PACKAGES),
        "timing": _timing(verdict, use, prices),
    }


def _provisional(verdict: Verdict) -> dict[str, Any] | None:
    """How the queries were made and what that means; None where people asked them."""
    if not verdict.task.made:
        return None
    said = {"headline": headline(verdict.answer), "bias": BIAS, "advice": ADVICE}
    return {**verdict.task.made, **said}


def _contender(verdict: Verdict, contender: Contender, standing: Standing) -> dict[str, Any]:
    scores, seed = standing.scores, verdict.settings["seed"]
    metric = verdict.settings["metric"]
    against = verdict.decision.against.get(contender.name)
    return {
        "name": contender.name,
        "family": contender.family,
        "tuned": contender.tuned,
        "rung": contender.rung,
        "encoder": None if contender.encoder is None else contender.encoder.name,
        "settings": _settings(contender),
        "trainings": 1 + len(standing.repeats) if contender.tuned else 0,
        "dev": standing.dev,
        "scores": {
            name: level_of(scores, name, verdict.groups, seed=seed).to_dict()
            for name in scores.names
        },
        "against": None if against is None else against.to_dict(),
        "unanswered": scores.unanswered,
        "unjudged": scores.average(scores.unjudged[10]),
        "judged_only": scores.average(scores.judged_only[metric]) if scores.judged_only else None,
        "bytes_per_document": contender.bytes_per_document,
        "reembed": contender.reembed,
        "notes": list(contender.notes),
    }


def _of_tuned(verdict: Verdict) -> list[str]:
    """What the best tuned contender, or what it is made of, has to say about its training."""
    name = verdict.decision.best_tuned
    named = [contender for contender in verdict.contenders if contender.name == name]
    made = [part for one in named for part in (one, *one.parts.values()) if part.rung]
    return [f"{one.name}: {note}." for one in made if one.family != "hybrid" for note in one.notes]


def _settings(contender: Contender) -> dict[str, Any]:
    own = dict(contender.settings)
    return own | {
        role: _settings(part) | {"name": part.name} for role, part in contender.parts.items()
    }


def _target(target: Target | None) -> dict[str, Any] | None:
    if target is None:
        return None
    return {
        "metric": target.metric,
        "value": target.value,
        "from": "yours" if target.yours else "usual mark",
        "score": target.score.mean,
        "low": target.score.low,
        "high": target.score.high,
        "met": target.met,
    }


def _needed(needed: Needed | None) -> dict[str, Any] | None:
    if needed is None:
        return None
    return {
        "queries": needed.queries,
        "have": needed.have,
        "more": needed.more,
        "why": needed.why,
    }


def _stories(verdict: Verdict, stories: Stories | None) -> dict[str, Any] | None:
    if stories is None:
        return None
    return {
        "base": stories.base,
        "winner": stories.winner,
        "won": [_story(verdict, stories, change) for change in stories.won],
        "lost": [_story(verdict, stories, change) for change in stories.lost],
    }


def _story(verdict: Verdict, stories: Stories, change: Change) -> dict[str, Any]:
    task = verdict.task
    query = stories.base_rankings.query_ids[change.place]
    grades = task.judgments[query]
    relevant = [d for d, grade in sorted(grades.items()) if grade >= task.relevant_from]
    return {
        "id": query,
        "text": _clip(task.queries.text(query)),
        "base_score": change.base,
        "winner_score": change.winner,
        "relevant": [{"id": d, "text": _clip(task.documents.text(d))} for d in relevant[:_SHOWN]],
        "base": _shown(verdict, stories.base_rankings, change.place, grades),
        "winner": _shown(verdict, stories.winner_rankings, change.place, grades),
    }


def _shown(
    verdict: Verdict, rankings: Rankings, place: int, grades: Mapping[str, float]
) -> list[dict[str, Any]]:
    return [
        {
            "id": document,
            "text": _clip(verdict.task.documents.text(document)),
            "grade": grades.get(document),
        }
        for document, _ in rankings.best(place, _SHOWN)
    ]


def _clip(text: str) -> str:
    text = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    return text if len(text) <= _CLIPPED else text[: _CLIPPED - 1] + "…"


def _command(verdict: Verdict, use: Use, prices: Prices, folder: str | Path | None = None) -> str:
    """The command that gives this verdict again; what is as it would be anyway is left out."""
    data, settings, made = verdict.data, verdict.settings, verdict.task.made
    words = ["tunewise", "measure", data["source"]]
    files = {role: name for role, name in data["read_with"].items() if role != "columns"}
    words += [word for role, name in files.items() for word in (f"--{role}", name)]
    columns = data["read_with"].get("columns", {})
    words += [word for role, name in columns.items() for word in ("--column", f"{role}={name}")]
    if made and made["source"] == data["source"]:  # made anew, not read from where it was written
        words += ["--make-queries", made["way"], "--make-most", str(made["most"])]
        asked = made["llm"] or {}
        words += [word for role, said in asked.items() for word in (f"--llm-{role}", said)]
    if settings["encoders"] != [DEFAULT_ENCODER]:
        words += [word for name in settings["encoders"] for word in ("--encoder", name)]
    words += out_flags(folder, data["source"])
    engines = [engine for engine in settings["engines"] if engine is not None]
    flags = {
        "--engine": (engines[0] if engines else None, None),
        "--base-url": (settings["base_url"], None),
        "--metric": (settings["metric"], "nDCG@10"),
        "--worth": (settings["worth"], 0.02),
        "--target": (settings["target"], None),
        "--try": (None if settings["try"] is None else ",".join(settings["try"]), None),
    }
    for flag, (value, usual) in flags.items():
        words += [] if value == usual else [flag, str(value)]
    if settings["budget_seconds"] is not None:
        words += ["--budget", f"{settings['budget_seconds']:g}s"]
    words += [*use_flags(use), *prices.flags()]
    return shlex.join([*words, "--seed", str(settings["seed"])])


def _timing(verdict: Verdict, use: Use, prices: Prices) -> dict[str, Any]:
    return {
        **made_on(),
        "seconds": verdict.seconds,
        "encoding": _encoding(verdict.contenders),
        "contenders": {one.name: asdict(verdict.prices[one.name]) for one in verdict.contenders},
        "costs": year_facts(verdict, use, prices),
    }


def _encoding(contenders: Sequence[Contender]) -> list[str]:
    """What spoke for the way each encoder computes, where there was a choice."""
    encoders = [one.encoder for one in contenders if isinstance(one.encoder, TransformerEncoder)]
    return list(dict.fromkeys(encoder.why for encoder in encoders if encoder.why))
