"""tune: a job that tunes an embedding model, holds it against its base, and leaves it to serve."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from tunewise.comparison import signed, signed_interval
from tunewise.contenders import Contender, save_contender
from tunewise.data.columns import SAY_WHICH
from tunewise.data.examples import Examples, ScoredPairs, read_examples
from tunewise.data.fixed_split import SPLIT, divided
from tunewise.encoders import Encoder, load_encoder
from tunewise.errors import DataError, OptionError, TunewiseError
from tunewise.files import put_back, whole_set, write_text
from tunewise.finding import Finding
from tunewise.jobs.delivered import figures, vectors_of
from tunewise.jobs.enough import require_enough, require_rows
from tunewise.jobs.forms import as_ours
from tunewise.jobs.job import Level
from tunewise.jobs.works import Place
from tunewise.measurement import measure, tune
from tunewise.measurement.options import Step
from tunewise.measurement.tune import trial_texts
from tunewise.objects import Objects
from tunewise.report import save_tuned, save_verdict
from tunewise.task import Task
from tunewise.training.recipe import RUNGS, recipe_for
from tunewise.training.tuning import Tuned
from tunewise.verdict import CANNOT_TELL, FEW, SUFFICES, TUNE

SEAL = "served.json"
"""In a model's folder: the result of the job that made it. Where it is, all is."""
RUNG_WORDS: tuple[str, ...] = ("auto", *get_args(Step))
_PLAIN = "plain"  # in a model's folder: what is served where the winner has no vectors
_FIELDS = "query and positive; text1, text2 and score; text and label"
_HERE = {
    "D001": "If one is taken wrongly, call it in the file what it is: query, positive.",
    "D002": "Call the one that is meant query or positive in the file, and the others otherwise.",
    "D060": f"If it is another kind, name the columns so: {_FIELDS}.",
}
"""What to do about findings whose usual advice names arguments that a job does not take."""
BUDGET = 1800.0  # seconds of fitting, where nothing else is said


@dataclass(frozen=True)
class Wanted:
    """What is asked of a tuning job; plain values, so that it can lie in the queue.

    `model` is what the base is served by, `encoder` and `engine` how it is loaded. `training` and
    `validation` are what the caller calls the files, `files` and `checked` where they lie: bucket
    and name of each. `rung` is one of `RUNG_WORDS`; `rate` multiplies the learning rate that is
    usual for it; `budget` is seconds; `suffix` goes into the tuned model's name.
    `filename` is what an uploaded file is called, whose id is `training`.
    """

    model: str
    encoder: str
    training: str
    files: Sequence[Sequence[str]]
    base_url: str | None = None
    engine: str = "auto"
    validation: str | None = None
    checked: Sequence[Sequence[str]] = ()
    rung: str = "auto"
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    budget: float = BUDGET
    keep: bool = True
    seed: int = 0
    suffix: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    filename: str = ""

    @property
    def source(self) -> str:
        """What the caller knows the training data by."""
        return self.filename or self.training


def served_name(model: str, suffix: str, job: str) -> str:
    """What the model that a job tunes is served by.

    >>> served_name("all-MiniLM-L6-v2", "support", "job-0123456789abcdef")
    'ft:all-MiniLM-L6-v2:support:01234567'
    """
    return f"ft:{model}:{suffix}:{job.removeprefix('job-')[:8]}"


def check_wanted(wanted: Wanted) -> None:
    """Raises OptionError for what cannot be asked together, before anything is queued."""
    if wanted.rung not in RUNG_WORDS:
        raise OptionError(f"There is no rung '{wanted.rung}'. Choose from {', '.join(RUNG_WORDS)}.")
    given = [one for one in (wanted.epochs, wanted.batch, wanted.rate) if one is not None]
    if given and wanted.rung == "adapter":
        raise OptionError(
            "An adapter has recipes of its own: leave the hyperparameters at 'auto', or choose the "
            "rung partial, lora or full."
        )
    if not 0 < wanted.budget <= 7 * 86_400:
        raise OptionError("A budget is a number of seconds, above 0 and no more than a week.")


def run(asked: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """Tunes and measures as wanted. What was trained before a kill is not trained again."""
    wanted, home = Wanted(**asked), place.home.models / place.job
    put_back(home)
    if (home / SEAL).is_file():  # it was killed between its last two steps
        result: dict[str, Any] = json.loads((home / SEAL).read_text(encoding="utf-8"))
        return result
    try:
        made = _made(wanted, place, home)
    except TunewiseError as wrong:
        raise type(wrong)(_unplaced(str(wrong), wanted, place)) from wrong
    _tell(made, place)
    return made


def _made(wanted: Wanted, place: Place, home: Path) -> dict[str, Any]:
    data = _data(wanted, place)
    rung = _rung(wanted, data)
    require_enough(data, rung, wanted.source, validated=bool(wanted.checked))
    encoder = load_encoder(
        wanted.encoder,
        base_url=wanted.base_url,
        engine=wanted.engine,  # the base's own: what is delivered can stand beside it
        texts=trial_texts(data),
        progress=place.progress,
    )
    if rung == "auto":
        place.told(f"Every contender is measured, for {wanted.budget:g} seconds.")
        return _measured(wanted, data, encoder, place, home)
    place.told(f"Tuning the rung '{rung}' begins.")
    return _tuned(wanted, rung, data, encoder, place, home)


def _unplaced(text: str, wanted: Wanted, place: Place) -> str:
    """A text for the caller, who knows models and files by their names and not by their places."""
    what, advised, _ = text.partition(SAY_WHICH)
    if advised:
        text = f"{what}Call each field what it is: {_FIELDS}."
    data = str(place.folder / "data")
    for part in ("/train.jsonl", "/test.jsonl", ""):
        text = text.replace(f"{data}{part}", wanted.source)
    if Path(wanted.encoder).is_absolute():
        text = text.replace(wanted.encoder, wanted.model)
    return place.home.unplaced(text)


def _data(wanted: Wanted, place: Place) -> Examples:
    objects = Objects(place.home.objects)
    folder = place.folder / "data"
    folder.mkdir(exist_ok=True)
    try:
        for part, places in (("train", wanted.files), ("test", wanted.checked)):
            stored = [objects.get(*at) for at in places]
            named = [(each.about.get("filename", each.name), each.path) for each in stored]
            changed = as_ours(named, folder / f"{part}.jsonl") if named else 0
            if changed:
                place.told(f"{changed:,} rows of {part} became query and document.")
    finally:
        objects.close()
    if not wanted.checked:
        require_rows(folder / "train.jsonl", wanted.source)
    data = read_examples(folder if wanted.checked else folder / "train.jsonl", seed=SPLIT)
    for finding in data.findings:
        level: Level = "info" if finding.severity == "note" else "warn"
        place.told(_unplaced(_noticed(finding), wanted, place), level)
    if isinstance(data, Task):
        data = divided(data, wanted.seed)
    return replace(data, source=wanted.source)  # no path of this machine


def _noticed(finding: Finding) -> str:
    shown = "; ".join(finding.examples)
    advice = _HERE.get(finding.code, finding.advice)
    return f"{finding.code}: {finding.title} ({finding.count:,}): {shown}. {advice}"


def _rung(wanted: Wanted, data: Examples) -> str:
    if wanted.rung != "auto":
        return wanted.rung
    if not isinstance(data, Task) or any((wanted.epochs, wanted.batch, wanted.rate)):
        return "partial"
    return "auto"


def _measured(
    wanted: Wanted, data: Examples, encoder: Encoder, place: Place, home: Path
) -> dict[str, Any]:
    if not isinstance(data, Task):
        raise DataError("A verdict takes queries and documents. Name a rung in the metadata.")
    verdict = measure(
        data,
        encoders=[encoder],
        budget=wanted.budget,
        seed=wanted.seed,
        progress=place.progress,
    )
    served = vectors_of(verdict)
    own = verdict.contender.encoder or "vectors" in verdict.contender.parts
    with whole_set(home, seal=SEAL) as beside:
        facts = save_verdict(verdict, beside, named=False)
        if not own:
            save_contender(served, beside / _PLAIN, model=False)
        _hide(beside, wanted, place)
        made = {
            **_common(wanted, data, encoder, place, served, "model" if own else _PLAIN),
            "answer": facts["answer"],
            **figures(verdict, facts),
            "seconds": facts["timing"]["seconds"],
        }
        _seal(beside, made)
    return made


def _hide(folder: Path, wanted: Wanted, place: Place) -> None:
    """Takes the places of this machine out of what callers read; what is loaded keeps them."""
    for name in ("verdict.json", "tuned.json", "report.html"):
        if (folder / name).is_file():
            text = (folder / name).read_text(encoding="utf-8")
            write_text(folder / name, _unplaced(text, wanted, place))


def _tuned(
    wanted: Wanted, rung: Any, data: Examples, encoder: Encoder, place: Place, home: Path
) -> dict[str, Any]:
    adapter = rung == "adapter"
    tuning = tune(
        data,
        rung=rung,
        encoder=encoder,
        keep="docstrings" if wanted.keep and not adapter else None,
        budget=None if adapter else wanted.budget,
        epochs=wanted.epochs,
        batch=wanted.batch,
        learning_rate=_learning_rate(wanted, rung, encoder),
        seed=wanted.seed,
        progress=place.progress,
    )
    with whole_set(home, seal=SEAL) as beside:
        facts = save_tuned(tuning, beside)
        _hide(beside, wanted, place)
        gain, cut = facts["gain"], tuning.run is not None and tuning.run.cut
        gained = gain if tuning.improved else None  # the base is not held against itself
        made = {
            **_common(wanted, data, encoder, place, tuning.outcome.contender, "model"),
            "answer": answer_of(facts, cut=cut),
            "sentence": _sentence(facts),
            "delivered": "tuned" if tuning.improved else "base",
            "metric": facts["metric"],
            "gain": gained and _difference(gained),
            "base": gain and gain["base"],
            "tuned": gain and gain["tuned"],
            "seconds": facts["timing"]["seconds"],
            "skipped": [{"name": rung, "why": _cut_off(tuning.run)}] if cut else [],
            "looks": (facts["training"] or {}).get("looks", []),
        }
        _seal(beside, made)
    return made


def answer_of(facts: Mapping[str, Any], *, cut: bool) -> str:
    """The verdict's word for one rung: by the interval on test, whatever dev liked, if not thin.

    Of what the time cut off, or no test part measured, nothing can be told but a gain.
    """
    gain, improved = facts["gain"], facts["improved"]
    if gain is None or facts["measured_on"] != "test" or (cut and not improved):
        return CANNOT_TELL
    found = gain["difference"]
    if improved and found["low"] > 0:
        return CANNOT_TELL if _is_thin(gain) else TUNE
    return CANNOT_TELL if improved and found["high"] > 0 else SUFFICES


def _is_thin(gain: Mapping[str, Any]) -> bool:
    """Whether so few units come out differently that their interval is too narrow to go by."""
    better = gain.get("better")  # None where a metric is no mean of units
    return better is not None and better + gain["worse"] < FEW


def _cut_off(run: Tuned | None) -> str:
    steps = "" if run is None else f" after {run.steps:,} of {run.of_steps:,} steps"
    return f"the time was up{steps}: give it a larger budget"


def _difference(gain: Mapping[str, Any]) -> Mapping[str, Any]:
    found = gain["difference"]
    ends = {"low": found["low"], "high": found["high"]}
    return {"difference": found["mean"], **ends, "units": gain["units"]}


def _sentence(facts: Mapping[str, Any]) -> str:
    gain, reason = facts["gain"], facts["reason"]
    why = f"{reason[:1].upper()}{reason[1:]}."
    if gain is None:
        return why
    if not facts["improved"]:
        level = gain["base"]["mean"]
        return f"{facts['metric']} of the base on {facts['measured_on']} {level:.3f}. {why}"
    base, tuned, found = gain["base"]["mean"], gain["tuned"]["mean"], gain["difference"]
    thin = (
        f", of {gain['better'] + gain['worse']} that come out differently, too few to go by"
        if _is_thin(gain)
        else ""
    )
    return (
        f"{facts['metric']} on {facts['measured_on']} {tuned:.3f}, base {base:.3f}: "
        f"{signed(found['mean'])} {signed_interval(found['low'], found['high'])}{thin}. Delivered: "
        f"{facts['delivered']['name']}, {reason}."
    )


def _common(
    wanted: Wanted,
    data: Examples,
    encoder: Encoder,
    place: Place,
    served: Contender,
    folder: str,
) -> dict[str, Any]:
    recipe = served.settings.get("recipe") or {}
    epochs = recipe.get("epochs", 1) if served.tuned else 0
    return {
        "wanted": asdict(wanted),
        "name": served_name(wanted.model, wanted.suffix, place.job),
        "folder": folder,
        "dimension": encoder.dimension,
        "max_tokens": encoder.max_tokens,
        "rung": served.rung,
        "epochs": recipe.get("epochs"),
        "batch": recipe.get("batch"),
        "trained_tokens": epochs * _tokens(data, encoder),
    }


def _tokens(data: Examples, encoder: Encoder) -> int:
    """Tokens of all texts that were given, as the encoder reads them."""
    if isinstance(data, Task):
        texts = [*data.queries.texts, *data.documents.texts]
    elif isinstance(data, ScoredPairs):
        texts = [*data.first, *data.second]
    else:
        texts = list(data.texts)
    return int(encoder.count_tokens(texts).clip(0, encoder.max_tokens).sum())


def _learning_rate(wanted: Wanted, rung: str, encoder: Encoder) -> float | None:
    if wanted.rate is None or rung not in RUNGS:
        return None
    # the rate follows from rung and width alone
    usual = recipe_for(rung, rows=1, layers=1, width=encoder.dimension, precision="fp32")
    return wanted.rate * usual.learning_rate


def _seal(folder: Path, made: Mapping[str, Any]) -> None:
    write_text(folder / SEAL, json.dumps(made, indent=1, ensure_ascii=False) + "\n")


def _tell(made: Mapping[str, Any], place: Place) -> None:
    for look in made.get("looks", []):
        figures = {"step": look["step"], "valid_score": look["score"], "train_loss": look["loss"]}
        place.told(
            f"Step {look['step']}: {made['metric']} {look['score']:.4f} at a look at a sample of "
            "dev, which tells better from worse and is no level of all of dev.",
            "info",
            figures,
        )
    for one in made["skipped"]:
        place.told(f"Not tried or not finished: {one['name']}: {one['why'].rstrip('.')}.", "warn")
    measured = {key: made[key] for key in ("metric", "base", "tuned", "gain")}
    place.told(made["sentence"], "info", measured)
