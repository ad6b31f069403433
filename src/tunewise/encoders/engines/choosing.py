"""Choosing how vectors are computed: the quickest way here that is faithful to the plain one."""

import json
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.engines.way import PLAIN, WAYS, Way, way
from tunewise.encoders.stamp import stamp
from tunewise.encoders.threads import cores
from tunewise.errors import EncoderError, OptionError
from tunewise.files import write_text

FAITHFUL = {"fp32": 0.9999, "bf16": 0.999}
"""The least cosine to the plain vector that any text of the sample may have, by precision."""
LIGHT = Way("openvino", "int8")
"""The int8 that is worth a trial; ONNX Runtime's was unfaithful and no quicker."""
_GAIN = 1.15  # times as quick as the plain way: less is not worth another space of vectors
_NEAR = 10
_NUMBERS = ("texts_per_second", "times", "minimum", "mean", "overlap")
_FORMAT = 1

Encode = Callable[[Way, Sequence[str]], NDArray[np.float32]]
"""Unit vectors of texts in one way, opened before the clock of `measure_ways` runs."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """One way on the sample: how many times as quick as the plain one, and how faithful.

    `minimum` and `mean` are cosines to the plain vectors of the same texts, `overlap` the share
    of a text's ten nearest in the sample that are the same. `refused` says why it cannot be had.
    """

    way: Way
    texts_per_second: float = 0.0
    times: float = 0.0
    minimum: float = 0.0
    mean: float = 0.0
    overlap: float = 0.0
    refused: str = ""

    @property
    def faithful(self) -> bool:
        """Whether its vectors may stand for the plain ones without asking anybody.

        int8 never may: what it costs shows in the judged queries, not in cosines. See `lighter`.
        """
        return not self.refused and self.minimum >= FAITHFUL.get(self.way.precision, 2.0)

    def in_short(self) -> str:
        """The trial in a few words."""
        if self.refused:
            return f"{self.way} (not to be had)"
        return f"{self.way} ({self.texts_per_second:,.0f} texts/s, cosine {self.minimum:.4f})"

    def told(self) -> str:
        """The trial in words."""
        if self.refused:
            return f"{self.way}: {self.refused}"
        return (
            f"{self.way}: {self.texts_per_second:,.0f} texts/s, {self.times:.1f} times {PLAIN}; "
            f"cosine {self.minimum:.5f} at least, {self.mean:.6f} on average; "
            f"{100 * self.overlap:.1f} % of the nearest {_NEAR} the same"
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """The way that was taken, and the trials it was taken from."""

    way: Way
    trials: tuple[Trial, ...]

    @property
    def taken(self) -> Trial:
        """The trial of the way that was taken."""
        [taken] = [trial for trial in self.trials if trial.way == self.way]
        return taken

    @property
    def lighter(self) -> Trial | None:
        """The trial of int8, where it is quicker by a fair bit: for judged queries to allow."""
        quicker = [
            trial
            for trial in self.trials
            if trial.way.precision == "int8" and trial.times >= _GAIN * self.taken.times
        ]
        return max(quicker, key=lambda trial: trial.times, default=None)

    def told(self) -> str:
        """The choice and its reason in one line."""
        if self.way == PLAIN:
            return f"encoding with {PLAIN}: no faithful way is quicker here"
        others = [trial.in_short() for trial in self.trials if trial.way not in (self.way, PLAIN)]
        told = f"encoding with {self.taken.told()}"
        return f"{told}. Tried too: {', '.join(others)}" if others else told


def possible() -> list[Way]:
    """The ways worth trying: of the engines installed, torch alone where there is a GPU.

    ONNX Runtime is left out where OpenVINO is: it was slower on every processor it was tried on,
    and handing a model over to it takes a quarter of a minute.
    """
    have = {"torch"}
    if not _gpu():
        if _has("openvino"):
            have.add("openvino")
        elif _has("onnxruntime", "onnxscript"):
            have.add("onnx")
    light = _has("nncf")
    return [
        each
        for each in WAYS
        if each.engine in have and (each.precision in FAITHFUL or (each == LIGHT and light))
    ]


def measure_ways(
    ways: Sequence[Way],
    texts: Sequence[str],
    encode: Encode,
    clock: Callable[[], float] = perf_counter,
) -> tuple[Trial, ...]:
    """Each way on the same texts, best of two rounds that go through all ways in turn.

    The clock is in seconds.
    """
    seconds: dict[Way, float] = {}
    vectors: dict[Way, NDArray[np.float32]] = {}
    refused: dict[Way, str] = {}
    for each in ways:
        try:
            vectors[each] = encode(each, texts)
        except EncoderError as error:
            refused[each] = str(error)
    for each in [*vectors, *reversed(vectors)]:
        began = clock()
        encode(each, texts)
        took = clock() - began
        seconds[each] = min(took, seconds.get(each, took))
    return tuple(
        Trial(each, refused=refused[each])
        if each in refused
        else _trial(each, len(texts), seconds, vectors)
        for each in ways
    )


def choose(trials: Sequence[Trial]) -> Choice:
    """The quickest faithful way; the plain one unless another is quicker by a fair bit."""
    faithful = [trial for trial in trials if trial.faithful]
    best = max(faithful, key=lambda trial: trial.times)
    return Choice(best.way if best.times >= _GAIN else PLAIN, tuple(trials))


def remembered(root: Path | None, model: str) -> Choice | None:
    """What was chosen for this model on this machine, with these libraries; None if nothing."""
    path = _path(root, model)
    if path is None or not path.is_file():
        return None
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["format"] != _FORMAT:
            return None
        choice = Choice(way(kept["way"]), tuple(_trial_of(trial) for trial in kept["trials"]))
        if choice.way not in [trial.way for trial in choice.trials]:
            raise ValueError(f"{choice.way} was not tried")
        return choice
    except (ValueError, KeyError, TypeError, OptionError) as error:
        logger.warning("%s is damaged (%r): the ways are measured anew", path, error)
        return None


def remember(root: Path | None, model: str, choice: Choice) -> None:
    """Keeps the choice for this model on this machine, with these libraries."""
    path = _path(root, model)
    if path is not None:
        facts = {
            "format": _FORMAT,
            "way": choice.way.word,
            "trials": [_facts(trial) for trial in choice.trials],
        }
        write_text(path, json.dumps(facts, indent=2) + "\n")


def _trial(
    each: Way,
    count: int,
    seconds: Mapping[Way, float],
    vectors: Mapping[Way, NDArray[np.float32]],
) -> Trial:
    cosines = (vectors[each] * vectors[PLAIN]).sum(axis=1)
    # a text without tokens has a vector of zeros in every way
    cosines = np.where(np.abs(vectors[PLAIN]).max(axis=1) > 0, cosines, 1.0)
    return Trial(
        each,
        texts_per_second=count / seconds[each],
        times=seconds[PLAIN] / seconds[each],
        minimum=float(cosines.min()),
        mean=float(cosines.mean()),
        overlap=_overlap(vectors[each], vectors[PLAIN]),
    )


def _overlap(these: NDArray[np.float32], those: NDArray[np.float32]) -> float:
    """Share of each row's nearest others that are the same in both."""
    depth = min(_NEAR, len(these) - 1)
    if depth < 1:
        return 1.0
    near = []
    for vectors in (these, those):
        alike = vectors @ vectors.T
        np.fill_diagonal(alike, -2)
        near.append(np.argsort(-alike, axis=1, kind="stable")[:, :depth])
    same = [len(np.intersect1d(one, other)) for one, other in zip(*near, strict=True)]
    return float(np.mean(same)) / depth


def _trial_of(kept: Mapping[str, Any]) -> Trial:
    numbers = {name: float(kept[name]) for name in _NUMBERS}
    return Trial(way(kept["way"]), refused=str(kept["refused"]), **numbers)


def _facts(trial: Trial) -> Mapping[str, Any]:
    named = {name: getattr(trial, name) for name in (*_NUMBERS, "refused")}
    return {"way": trial.way.word, **named}


def _path(root: Path | None, model: str) -> Path | None:
    return None if root is None else root / "engines" / f"{model}-{_machine()}.json"


def _machine() -> str:
    """A stamp of the processor, its cores, and the libraries that compute on it."""
    flags = Path("/proc/cpuinfo")
    told = flags.read_text(encoding="utf-8", errors="replace") if flags.is_file() else ""
    chosen = sorted(
        {line for line in told.splitlines() if line.startswith(("model name", "flags"))}
    )
    libraries = [_version(name) for name in ("torch", "openvino", "onnxruntime")]
    return stamp(platform.machine(), platform.processor(), str(cores()), *chosen, *libraries)


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def _gpu() -> bool:
    """Whether torch has a GPU; what is built for processors is not imported to be asked."""
    if version("torch").endswith("+cpu"):
        return False
    import torch

    return torch.cuda.is_available()


def _has(*modules: str) -> bool:
    return all(find_spec(module) is not None for module in modules)
