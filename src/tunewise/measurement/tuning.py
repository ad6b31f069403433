"""Tuning: what came of tuning by hand, from what was learned to what is delivered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunewise.contenders import Contender
from tunewise.data.examples import Kind
from tunewise.encoders import Encoder
from tunewise.finding import Finding
from tunewise.measurement.gains import Gain
from tunewise.measurement.keeping import OtherTask
from tunewise.measurement.kinds import PartName
from tunewise.measurement.options import Options, Step
from tunewise.measurement.prefixes import Prefixes
from tunewise.training.losses import Choice
from tunewise.training.tuning import Tuned


@dataclass(frozen=True)
class Outcome:
    """What is delivered: the tuned encoder, some `share` of the way from the base, or the base.

    `reason` says why; `dev` holds the metric on all of dev, of the base and of what was tuned
    (None where there was nothing to compare).
    """

    contender: Contender
    base: Contender
    improved: bool
    reason: str
    share: float = 0.0
    dev: tuple[float, float] | None = None


@dataclass(frozen=True)
class Tuning:
    """What came of `tune`: the encoder that is delivered, and all that was measured on the way.

    `gains` are base against what is delivered, the metric that decides first, on `measured_on`:
    the test part, or dev where there is none. They are empty in all but the first of several
    processes. `run` is the training, with its looks and the frontier between base and tuned;
    None for an adapter. `seconds` is everything, `training_seconds` the training alone.
    """

    rung: Step
    kind: Kind
    metric: str
    encoder: Encoder
    outcome: Outcome
    gains: tuple[Gain, ...]
    measured_on: PartName
    loss: Choice | None
    run: Tuned | None
    other: OtherTask | None
    prefixes: Prefixes | None
    findings: Sequence[Finding]
    notes: tuple[str, ...]
    data: Mapping[str, Any]
    options: Options
    seconds: float
    training_seconds: float

    @property
    def improved(self) -> bool:
        """Whether something tuned is delivered, and not the base."""
        return self.outcome.improved

    @property
    def gain(self) -> Gain | None:
        """The gain in the metric that decides; None where nothing was measured."""
        return self.gains[0] if self.gains else None
