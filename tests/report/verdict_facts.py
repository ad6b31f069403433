"""Invented verdicts for the report's tests: a help desk for hired boats and night trams."""

import math
from dataclasses import asdict
from typing import Any

from tunewise.costs import Encoding, Use, Work, always_on, year
from tunewise.prices import Prices

PRICES = Prices(machine_hour=0.1, currency="EUR")
USE = Use(traffic=5000)
HOSTILE = '<script>alert("x")</script><img src=https://example.org/x.png onerror=alert(1)>'
ENDLESS = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 4
ANSWERS = ("tune", "suffices", "suffices with hybrid", "cannot tell yet")

_QUERIES = (
    "can I bring my dog on the night tram",
    "engine does not start after rain",
    f"refund {HOSTILE}",
    "هل يمكنني إرجاع القارب بعد الغروب؟",
    "終電の後でもボートを返せますか",
    "deposit 💶 still missing 🚤⚓",
    ENDLESS,
    "how many life jackets for a boat of six persons",
    "lost umbrella line 14",
    "ticket <b>not</b> valid & machine broken",
)


def verdict_facts(answer: str = "tune", **changes: Any) -> dict[str, Any]:
    """A whole verdict with this answer; `changes` replace top-level entries."""
    facts = _verdict(answer, _GAINS[answer])
    facts["sentence"] = _SENTENCES[answer]
    return facts | changes


def rename(facts: dict[str, Any], place: int, name: str) -> None:
    """Gives one contender another name, wherever it is told of."""
    before = facts["contenders"][place]["name"]
    facts["contenders"][place]["name"] = name
    timing = facts["timing"]
    for told in (timing["contenders"], timing["costs"]["contenders"]):
        told[name] = told.pop(before)


def not_there(name: str, why: str, **more: Any) -> dict[str, Any]:
    """What a verdict says of a contender that was not measured."""
    return {"name": name, "why": why, "tuned": False, "cause": "other", "seconds": None, **more}


def smallest_facts() -> dict[str, Any]:
    """The least a verdict can hold: one contender, nothing tuned, nothing noticed."""
    facts = verdict_facts("suffices")
    only = facts["contenders"][1] | {"scores": {"nDCG@10": _interval(0.9)}, "against": None}
    return facts | {
        "sentence": "The off-the-shelf encoder suffices; nothing else was asked for.",
        "reasons": [],
        "contender": "pretrained",
        "best_untuned": "pretrained",
        "best_tuned": None,
        "gain": None,
        "target": None,
        "needed": None,
        "forecast": None,
        "changes": [],
        "findings": [],
        "contenders": [only],
        "skipped": [not_there("adapter", "there is no train part", tuned=True)],
        "queries": None,
        "differences": [],
    }


_SENTENCES = {
    "tune": "Tune: adapter-both-hybrid gains +0.150 nDCG@10 over hybrid, the best without tuning.",
    "suffices": "The off-the-shelf encoder suffices: tuning gains at most +0.006 nDCG@10.",
    "suffices with hybrid": "Off the shelf suffices with hybrid search: tuning gains at most "
    "+0.009 nDCG@10.",
    "cannot tell yet": "Cannot tell yet: the gain lies between -0.028 and +0.059 nDCG@10.",
}

_GAINS = {
    "tune": (0.15, 0.134, 0.165),
    "suffices": (0.001, -0.004, 0.006),
    "suffices with hybrid": (0.003, -0.0002, 0.009),
    "cannot tell yet": (0.014, -0.028, 0.059),
}


def _verdict(answer: str, gain: tuple[float, float, float]) -> dict[str, Any]:
    tuned = answer == "tune"
    winner = "adapter-both-hybrid" if tuned else "pretrained" if answer == "suffices" else "hybrid"
    base = "pretrained" if answer == "suffices" else "hybrid"
    return {
        "format": 1,
        "tunewise": "0.1.0",
        "answer": answer,
        "contender": winner,
        "rung": "adapter" if tuned else None,
        "sentence": "",
        "reasons": [
            f"On 1,204 test queries adapter-both-hybrid minus {base} is {gain[0]:+.3f}.",
            "The gain worth having is 0.02.",
        ],
        "metric": "nDCG@10",
        "worth": 0.02,
        "provisional": None,
        "best_untuned": base,
        "best_tuned": "adapter-both-hybrid",
        "gain": _comparison(0.558, gain),
        "target": _target(answer),
        "needed": _needed() if answer == "cannot tell yet" else None,
        "forecast": _forecast(),
        "changes": _changes(answer, winner),
        "data": _data(),
        "findings": _findings(),
        "contenders": _contenders(gain, base),
        "skipped": [not_there("rerank", "no reranker was named")],
        "queries": {
            "base": base,
            "winner": "adapter-both-hybrid",
            "won": [_query(place, won=True) for place in range(10)],
            "lost": [_query(place, won=False) for place in range(9, 2, -1)],
        },
        "differences": _differences(gain[0]),
        **_circumstances(),
    }


def _comparison(second: float, gain: tuple[float, float, float]) -> dict[str, Any]:
    difference, low, high = gain
    return {
        "metric": "nDCG@10",
        "first": second + difference,
        "second": second,
        "difference": difference,
        "low": low,
        "high": high,
        "wins": 512,
        "ties": 431,
        "losses": 261,
        "deviation": 0.281,
        "effective_deviation": 0.293,
        "p_value": 0.0002 if low > 0 else 0.31,
        "units": 1204,
        "groups": 977,
        "level": 0.95,
        "sources": {"queries": 0.93, "training": 0.07},
    }


def _changes(answer: str, winner: str) -> list[dict[str, Any]]:
    """Below 0.005 nobody could tell, and from 0.1 on nothing but the encoder is needed."""
    told = [
        (0.005, "cannot tell yet", "hybrid"),
        *((worth, answer, winner) for worth in (0.01, 0.02, 0.03, 0.05)),
        (0.1, "suffices", "pretrained"),
    ]
    return [{"worth": one, "answer": then, "contender": use} for one, then, use in told]


def _forecast() -> dict[str, Any]:
    curve = [[125, 0.004], [125, 0.007], [250, 0.009], [500, 0.016], [1000, 0.021]]
    ahead = [
        {
            "times": times,
            "queries": 1000 * times,
            "gain": {"mean": 0.02 + 0.004 * times, "low": 0.01, "high": 0.03 + 0.01 * times},
            "supported": times < 10,
        }
        for times in (2, 4, 10)
    ]
    return {
        "rung": "adapter-both-hybrid",
        "metric": "nDCG@10",
        "worth": 0.02,
        "queries": 1000,
        "curve": curve,
        "ahead": ahead,
        "worth_at": 1000,
        "sure_at": 4000,
        "more": 0,
        "supported": True,
        "why": "The points do not support a forecast for 10× the labels.",
    }


def _interval(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.019, "high": mean + 0.0185}


def _target(answer: str) -> dict[str, Any]:
    score = 0.781 if answer == "suffices" else 0.708
    return {
        "metric": "nDCG@10",
        "value": 0.7 if answer == "tune" else 0.75,
        "from": "yours" if answer == "tune" else "usual mark",
        "score": score,
        "low": score - 0.018,
        "high": score + 0.017,
        "met": {"tune": None, "suffices": True}.get(answer, False),
    }


def _needed() -> dict[str, Any]:
    why = "With 120 test queries a gain of 0.02 would be noticed 4 times in 10."
    return {"queries": 1850, "have": 480, "more": 1370, "why": why}


def _data() -> dict[str, Any]:
    return {
        "source": "boats & trams/",
        "read_with": {},
        "fingerprint": "5f0c3d8a91b2e467",
        "documents": 18240,
        "queries": 6100,
        "judged": 6020,
        "judgments": 7311,
        "languages": {"en": 0.94, "ja": 0.035, "ar": 0.025},
        "split": {
            "by": "group",
            "train": 4200,
            "dev": 616,
            "test": 1204,
            "groups": {"train": 3390, "dev": 501, "test": 977},
            "note": "Queries that share a document or a near-duplicate text stay together.",
        },
        "test_use": {"ordinal": 3, "earlier": 2},
    }


def _findings() -> list[dict[str, Any]]:
    return [
        _finding("D012", "error", "Queries that judge a missing document", 3, HOSTILE),
        _finding("D004", "warning", "Near-duplicate documents", 212, "b17 ~ b18", ENDLESS),
        _finding("D021", "note", "Documents the encoder cuts off", 1204, "t5: 812 tokens"),
        _finding("D030", "note", "Several languages", 3),
    ]


def _finding(code: str, severity: str, title: str, count: int, *examples: str) -> dict[str, Any]:
    advice = "Look at the examples and mend the records, or keep them if they are meant."
    return {
        "code": code,
        "severity": severity,
        "title": title,
        "count": count,
        "examples": list(examples),
        "advice": advice,
    }


def _contenders(gain: tuple[float, float, float], base: str) -> list[dict[str, Any]]:
    top = 0.533 if base == "pretrained" else 0.558
    return [
        _contender("lexical", 0.404, -0.154, None),
        _contender("pretrained", 0.533, None if base == "pretrained" else -0.025, None),
        _contender("hybrid", 0.558 if base == "hybrid" else 0.531, None, None),
        _contender("adapter-query", top + 0.5 * gain[0], 0.5 * gain[0], "adapter"),
        _contender("adapter-both", top + 0.85 * gain[0], 0.85 * gain[0], "adapter"),
        _contender("adapter-both-hybrid", top + gain[0], gain[0], "adapter"),
    ]


def _contender(name: str, score: float, minus: float | None, rung: str | None) -> dict[str, Any]:
    ends = None if minus is None else (minus, minus - 0.016, minus + 0.0145)
    return {
        "name": name,
        "family": name.split("-")[0],
        "tuned": rung is not None,
        "rung": rung,
        "encoder": None if name == "lexical" else "all-MiniLM-L6-v2",
        "settings": {"k1": 1.2, "b": 0.75} if name == "lexical" else {"weight": 0.6},
        "trainings": 3 if rung else 0,
        "dev": score + 0.004,
        "scores": {"nDCG@10": _interval(score), "Recall@10": _interval(score + 0.14)},
        "against": None if ends is None else _comparison(score, ends),
        "unanswered": 7 if name == "lexical" else 0,
        "unjudged": 0.871,
        "judged_only": score + 0.05,
        "bytes_per_document": 310 if name == "lexical" else 1536,
        "reembed": name.startswith("adapter-both"),
        "notes": ["Stopped on dev after 240 of 400 steps."] if rung else [],
    }


def _query(place: int, *, won: bool) -> dict[str, Any]:
    text = _QUERIES[place]
    relevant = {"id": f"d{place}", "text": f"The answer to: {text} " + "It depends. " * 80 * won}
    found = [relevant | {"grade": 2.0}, _document(place + 20, None), _document(place + 30, 0.0)]
    missed = [_document(place + 40, None), _document(place + 20, None)]
    base_score, winner_score = (0.0, 1 - 0.06 * place) if won else (0.05 * place, 0.0)
    return {
        "id": f"q{place}",
        "text": text,
        "base_score": base_score,
        "winner_score": winner_score,
        "relevant": [relevant, {"id": f"m{place}", "text": "Missed by both."}],
        "base": missed if won else found,
        "winner": found if won else [],
    }


def _document(place: int, grade: float | None) -> dict[str, Any]:
    text = f"Leaflet {place}: {_QUERIES[place % 10]}\nOpening hours, line {HOSTILE[:8]} and prices."
    return {"id": f"leaflet-{place}", "text": text, "grade": grade}


def _differences(mean: float) -> list[float]:
    better = [max(0.0, 1 - step / 512) ** 2.2 for step in range(512)]
    worse = [-0.7 * (step / 261) ** 3 * (1 - mean) for step in range(261)]
    return [*better, *[0.0] * 431, *worse]


def _circumstances() -> dict[str, Any]:
    return {
        "settings": {
            "seed": 0,
            "budget_seconds": None,
            "try": ["lexical", "pretrained", "hybrid", "adapter"],
            "encoders": ["all-MiniLM-L6-v2"],
            "engines": ["openvino:bf16"],
            "metric": "nDCG@10",
            "worth": 0.02,
            "target": None,
            "prices": PRICES.to_dict(),
            "use": asdict(USE),
        },
        "reproduce": "tunewise measure 'boats & trams/' --seed 0",
        "trial": 'tunewise search out/boats "your words"',
        "versions": {"python": "3.11.9", "numpy": "2.1.3", "torch": "2.6.0"},
        "timing": {
            "created": "2026-11-21T03:00:00Z",
            "seconds": 212.0,
            "machine": {"system": "Linux", "processor": "x86_64", "cores": 2},
            "encoding": ["encoding with openvino bf16: 160 texts/s, 3.1 times torch fp32"],
            "contenders": {
                "lexical": _timing(0.9, 0.11),
                "pretrained": _timing(0.0, 9.4),
                "hybrid": _timing(1.4, 9.6),
                "adapter-query": _timing(31.0, 9.5),
                "adapter-both": _timing(52.0, 9.5),
                "adapter-both-hybrid": _timing(55.0, 9.9),
            },
            "costs": {
                "use": {**asdict(USE), "corpus": 18240},
                "contenders": {
                    "lexical": _year(0.9, None),
                    "pretrained": _year(0.0, 9.4),
                    "hybrid": _year(1.4, 9.6),
                    "adapter-query": _year(31.0, 9.5, judgments=7),
                    "adapter-both": _year(52.0, 9.5, judgments=7),
                    "adapter-both-hybrid": _year(55.0, 9.9, judgments=7),
                },
                "always_on": asdict(always_on(PRICES)),
                "assumptions": ["A machine that is always on takes EUR 876.00 a year."],
            },
        },
    }


def _timing(fit: float, wait: float) -> dict[str, Any]:
    return {
        "fit_seconds": fit,
        "encode_seconds_per_1000_documents": None if math.isclose(wait, 0.11) else 4.2,
        "query_ms": wait,
        "rank_ms": wait / 2,
    }


def _year(fit: float, wait: float | None, judgments: int = 0) -> dict[str, Any]:
    """4.2 ms a document and half of the wait a query, or no encoder."""
    words = wait is None
    work = Work(
        documents=18240,
        fitting=fit,
        document=Encoding(0.0 if words else 0.0042),
        query=Encoding(0.0 if wait is None else wait / 2000),
        ranking=0.00011 if wait is None else wait / 2000,
        bytes_per_document=310 if words else 1536,
        judgments=judgments,
        tuned=judgments > 0,
    )
    return year(work, USE, PRICES).to_dict()
