"""The contest: every family fitted in turn, cheapest first, while it can still change the answer.

What a rung brings is not told by the one below it: on sets where an adapter gained nothing, tuning
the layers did. So a rung is passed over for its price, for time, for want of what it needs, or
because there is no room left above what is there; and it is said which, and why.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tunewise.comparison import interval
from tunewise.contenders import RUNGS, TABLE, Contender, Setting, line_up
from tunewise.contenders.hybrid import unfused
from tunewise.encoders import Encoder, TransformerEncoder
from tunewise.errors import EncoderError, MissingExtra
from tunewise.measurement.budget import BUDGET_SPENT, BudgetSpent, until
from tunewise.metrics import score
from tunewise.verdict import Skipped

_DEEP = ("partial", "lora", "full")
_STEPS = {"partial": 1.0, "lora": 3.0, "full": 3.0}
"""What a text costs to learn from, in what it costs to encode: measured, rounded up."""
_OFTEN = 3  # times a text is learned from, about
_WHY_NO_LORA = (
    "full tuning was in reach, and moves the same layers further; lora is for encoders too large "
    "for that. Name it with --try to have it measured as well"
)
_A_MOMENT = 3  # seconds: less would be told as 0.0 minutes
_MEMORY = 16  # bytes that training all of a model takes, for each of its weights
_UNSEEN = 3.7  # 97.5 % bound of a Poisson count of which none was seen
_SHARE = 0.25  # of the memory that training may take


@dataclass(frozen=True)
class Contest:
    """Who was fitted, cheapest first, and who was not, and why."""

    contenders: Sequence[Contender]
    skipped: Sequence[Skipped]


def hold(
    setting: Setting, end: float | None, *, words: Sequence[str] | None, worth: float
) -> Contest:
    """Fits each family that `words` names, in order of price, until `end` (`time.monotonic`).

    The first family is always fitted. With None for `words` all are tried that can still bring a
    gain of `worth`. A step that is cut off by the budget keeps what it made, so that the next run
    goes on from there.
    """
    fitted: list[Contender] = []
    skipped: list[Skipped] = []
    for word in line_up(words):
        passed = _passed_over(word, setting, fitted, end, worth, named=words is not None)
        if passed is not None:
            skipped.append(passed)
            continue
        try:
            with until(setting, end if fitted else None) as limited:
                limited.progress("", 0, 0)
                new = TABLE[word].fit(limited, fitted)
        except BudgetSpent:
            skipped += _cut_off(word, fitted)
            continue
        except (MissingExtra, EncoderError) as missing:
            if word not in _DEEP or words is not None:
                raise
            cause = "package" if isinstance(missing, MissingExtra) else "other"
            skipped.append(Skipped(word, str(missing), tuned=True, cause=cause))
            continue
        fitted.extend(new)
    return Contest(sorted(fitted, key=_price), _told(skipped))


def _passed_over(
    word: str,
    setting: Setting,
    fitted: Sequence[Contender],
    end: float | None,
    worth: float,
    *,
    named: bool,
) -> Skipped | None:
    """A family that is not tried, and why; None if it is."""
    if word not in RUNGS:
        return None
    if not len(setting.training.train) or not len(setting.training.dev):
        why = "there is no train part to learn from, or no dev part to stop on"
        return Skipped(word, why, tuned=True)
    if word not in _DEEP:
        return None
    room = _room(setting, fitted)
    if room is not None and room < worth and not named:
        why = (
            f"the best untuned contender leaves at most {room:.3f} to gain on dev, less than the "
            f"{worth:g} worth having"
        )
        return Skipped(word, why, tuned=True)
    local = [encoder for encoder in setting.encoders if isinstance(encoder, TransformerEncoder)]
    if not local:
        why = "its weights are not on this machine: only an adapter can be tuned over its vectors"
        return Skipped(word, why, tuned=True)
    return _too_dear(word, setting, local, end) if named else _unneeded(word, setting, local, end)


def _unneeded(
    word: str, setting: Setting, local: Sequence[TransformerEncoder], end: float | None
) -> Skipped | None:
    fits = all(_fits(encoder) for encoder in local)
    if word == "lora" and fits and _too_dear("full", setting, local, end) is None:
        return Skipped(word, _WHY_NO_LORA, tuned=True)
    if word == "full" and not fits:
        why = "training every weight would take more than a quarter of this machine's memory"
        return Skipped(word, why, tuned=True)
    return _too_dear(word, setting, local, end)


def _too_dear(
    word: str, setting: Setting, local: Sequence[TransformerEncoder], end: float | None
) -> Skipped | None:
    """Whether what is left of the budget is too short, by the speed at which texts were encoded."""
    if end is None:
        return None
    needed = sum(_seconds(word, setting, encoder) for encoder in local)
    left = max(0.0, end - time.monotonic())
    if needed <= left:
        return None
    there = (
        f"{left / 60:.1f} min of the budget are" if left > _A_MOMENT else "nothing of the budget is"
    )
    why = (
        f"it needs about {needed / 60:.1f} min to train and encode all documents again, and "
        f"{there} left"
    )
    return Skipped(word, why, tuned=True, cause="time", seconds=needed)


def _cut_off(word: str, fitted: Sequence[Contender]) -> list[Skipped]:
    """What the budget kept a family from making: of hybrids those that are not there yet."""
    if word != "hybrid":
        return [Skipped(word, BUDGET_SPENT, tuned=word in RUNGS, cause="time")]
    missing = [(name, over.tuned) for name, over in unfused(fitted).items()]
    if not missing and all(one.family != "hybrid" for one in fitted):
        missing = [("hybrid", False)]  # what it would be made of is not there either
    return [Skipped(name, BUDGET_SPENT, tuned=tuned, cause="time") for name, tuned in missing]


def _seconds(word: str, setting: Setting, encoder: TransformerEncoder) -> float:
    training = setting.training
    each = encoder.speed("documents") or 0.0
    rows = sum(len(grades) for grades in training.train.judgments.values())
    return each * (_STEPS[word] * _OFTEN * rows + len(training.documents))


def _fits(encoder: Encoder) -> bool:
    """Whether all weights of the encoder can be trained in a quarter of the memory."""
    from tunewise.measurement.memory import memory

    if not isinstance(encoder, TransformerEncoder):
        return False
    weights = sum(path.stat().st_size for path in encoder.folder.rglob("*.safetensors")) / 4
    return _MEMORY * weights < _SHARE * memory()


def _room(setting: Setting, fitted: Sequence[Contender]) -> float | None:
    """The most that could be gained over the best untuned contender on dev; None if none is."""
    training, metric = setting.training, setting.metric
    group = dict(zip(training.dev.queries.ids, training.dev.groups, strict=True))
    groups = [group[query] for query in training.dev.judgments]
    rooms = []
    if len(set(groups)) < 2:
        return None
    for contender in (c for c in fitted if not c.tuned):
        scores = score(
            contender.dev,
            training.dev.judgments,
            [metric],
            relevant_from=training.relevant_from,
        ).of(metric)
        left = interval(1.0 - scores, groups, seed=setting.seed, bounds=(0, 1))
        # so few may fall short unseen: 97.5 % sure, where none of so many do
        rooms.append((left.mean, max(left.high, _UNSEEN / len(scores))))
    return min(rooms)[1] if rooms else None


def _told(skipped: Sequence[Skipped]) -> list[Skipped]:
    """Each family once, however often it was its turn."""
    return list({one.name: one for one in skipped}.values())


def _price(contender: Contender) -> tuple[bool, bool, int, bool]:
    """What a contender costs to run and keep, coarsely: an untuned one least.

    Leaving stored vectors as they are comes before making them anew, a map over vectors before a
    model of one's own, and one index before two.
    """
    rung = RUNGS.index(contender.rung) if contender.rung in RUNGS else -1
    return contender.tuned, contender.reembed, rung, contender.family == "hybrid"
