"""Kind: all that a kind of task brings, so that one contest, verdict and report serve every kind.

A kind has a folder of its own with the type of its examples, its contenders in order of price, how
their answers are scored and what its report shows; `kinds/__init__.py` names it in one line.
A search is not among them yet: its contest is older (`contenders/`, `measurement/measure.py`).
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.errors import OptionError
from tunewise.finding import Finding
from tunewise.kinds.panels import Panel
from tunewise.metrics import Scores
from tunewise.progress import Progress, silent

Vectors = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Source:
    """Where a kind's examples are: a file, a folder or `hf:NAME`, and what was said of it.

    `columns` names columns by role, `files` further files by role, `options` whatever else the
    kind asks for ("odd": the label of what is odd). `seed` decides parts that have to be cut.
    """

    path: str
    columns: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0


class Examples(Protocol):
    """What a kind reads, before any division.

    `texts` are all it will have encoded; `read_with` is what it was read with, in plain values;
    `fingerprint` changes when anything learned or measured would.
    """

    @property
    def texts(self) -> Sequence[str]:
        """Every text."""

    @property
    def source(self) -> str:
        """Where it came from."""

    @property
    def read_with(self) -> Mapping[str, Any]:
        """How it was read."""

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits."""


class Part(Protocol):
    """Examples of one part: labelled texts, scored pairs, users and what they chose."""

    def __len__(self) -> int:
        """How many units there are."""


@dataclass(frozen=True)
class Parts:
    """Examples divided. Whatever is chosen is chosen on dev; test is scored once.

    `how` is plain: `by`, and the number of units in train, dev and test. `texts` is how many texts
    a year's cost is reckoned over.
    """

    train: Any
    dev: Any
    test: Any
    how: Mapping[str, Any]
    texts: int
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class Setting:
    """What a contender may learn from and choose on; the test part is not in here.

    `level` scores answers to a part by the metric that decides, higher is better.
    """

    train: Any
    dev: Any
    encoders: Sequence[Encoder]
    metric: str
    level: Callable[[Any, Any], float]
    seed: int = 0
    progress: Progress = silent

    def vectors(self, encoder: Encoder, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, d) of texts; what was encoded before comes from the cache."""
        return encoder.encode_documents(texts, progress=self.progress)


@dataclass(frozen=True)
class Contender:
    """One complete way to answer, fitted: what `answer` makes of what a part asks.

    `settings` (plain values), `arrays` and the encoder are all there is to it: they are saved, and
    what is loaded from them answers alike. `save_encoder` writes an encoder that is no longer
    the one it is named after. `bytes_each` is what is kept of each text, if anything is.
    `same_as` names the untuned contender that this one is, where tuning gave it back. `kind` names
    the kind that a part is of, where that is another one.
    """

    name: str
    family: str
    tuned: bool
    answer: Callable[[Any], Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict, repr=False)
    rung: str | None = None
    plain: bool = False
    encoder: Encoder | None = None
    save_encoder: Callable[[Path], None] | None = None
    bytes_each: int = 0
    reembed: bool = False
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    same_as: str | None = None
    parts: Mapping[str, "Contender"] = field(default_factory=dict, repr=False)
    kind: str | None = None


class Entrant(Protocol):
    """What a file of contenders offers."""

    def fit(self, setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
        """The contenders of this family, given those fitted before it."""

    def load(self, saved: "Saved") -> Contender:
        """The contender that was saved, ready to answer."""


@dataclass(frozen=True)
class Saved:
    """A contender as it lies in a folder, its encoder opened; `parts` are those it is made of."""

    name: str
    family: str
    settings: Mapping[str, Any]
    arrays: Arrays
    encoder: Encoder | None
    parts: Mapping[str, Contender] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """What a report may show of: the contender recommended, and every answer to what was asked.

    `train` was learned from, `dev` chosen by, and `judged` is what answers and scores are of.
    """

    train: Any
    judged: Any
    contender: Contender
    answers: Mapping[str, Any]
    scores: Mapping[str, Scores]
    dev: Any = None


@dataclass(frozen=True)
class Kind:
    """One kind of task.

    `unit` and `units` are the words for what is scored ("text", "texts"). `metrics` are all that
    are scored; those of `deciding` can decide (higher is better), the first unless another is
    named. `table` holds the contenders, cheapest first, by the words users type, `deep` those that
    train an encoder, and `taught` those that learn from labels somebody had to give. `read` makes
    examples of files and `divide` parts of examples; `take` some units of a part (for the learning
    curve); `asked` is what contenders are asked of a part, without its answers; `groups` names the
    group of each unit; `score` scores answers to a part by some of the metrics; `panels` is what
    the report shows beside the figures. `about` gives plain values that are saved with a contender
    to read its answers by (the names of labels), and `told` reads them: of the contender, what was
    asked, its answers and those values, a row of plain values for each unit. `finish` is what is
    still learned of a contender that may be recommended, and `said` what is to be said of it, in
    sentences. `trial` is the command
    that tries the winner by hand, in a folder DIR. `over` is the kind as it is over some examples
    with these encoders, where that is not always the same (other metrics where nothing is known to
    score against).
    """

    name: str
    unit: str
    units: str
    metrics: tuple[str, ...]
    deciding: tuple[str, ...]
    table: Mapping[str, Entrant]
    deep: tuple[str, ...]
    taught: tuple[str, ...]
    read: Callable[[Source], Any]
    divide: Callable[[Any, int], Parts]
    take: Callable[[Any, NDArray[np.int64]], Any]
    asked: Callable[[Any], Any]
    groups: Callable[[Any], Sequence[str]]
    score: Callable[[Any, Any, Sequence[str]], Scores]
    panels: Callable[[Shown], Sequence[Panel]]
    about: Callable[[Shown], Mapping[str, Any]] = lambda _: {}
    told: Callable[[Contender, Any, Any, Mapping[str, Any]], Iterable[Mapping[str, Any]]] = (
        lambda *_: ()
    )
    finish: Callable[[Contender, Setting], Contender] = lambda contender, _: contender
    said: Callable[[Shown], Sequence[str]] = lambda _: ()
    trial: str = ""
    over: Callable[[Any, Sequence[Encoder]], "Kind"] | None = None

    def trial_in(self, folder: Path | str) -> str:
        """The command that tries the winner that lies in `folder`."""
        return self.trial.replace("DIR", shlex.quote(str(folder)))


def come_with(examples: Any, texts: int) -> Parts:
    """The parts that examples came with, as `take` gives them; `texts` as in `Parts`."""
    parts = {name: examples.take(name) for name in ("train", "dev", "test")}
    how = {"by": "rows", **{name: len(part) for name, part in parts.items()}}
    return Parts(**parts, how=how, texts=texts, findings=examples.findings)


def among(part: Any, rows: NDArray[np.int64]) -> Any:
    """The units of a part at these places."""
    return part.among(rows)


def texts_of(part: Any) -> Sequence[str]:
    """The texts of a part: what contenders are asked where a unit is a text."""
    found: Sequence[str] = part.texts
    return found


def groups_of(part: Any) -> list[str]:
    """The group of each unit, by the number that reading gave it."""
    return [str(group) for group in part.groups.tolist()]


def named(word: str, encoder: Encoder, encoders: Sequence[Encoder]) -> str:
    """The contender's name: the encoder is part of it only where there are several."""
    return word if len(encoders) < 2 else f"{word}@{encoder.name}"


def refuse(source: Source, kind: str) -> None:
    """Raises OptionError where further files or options are named and the kind takes none."""
    named = [*source.options, *source.files]
    if named:
        raise OptionError(f"'{named[0]}' is nothing that {kind} asks for. Leave it out.")
