"""shrink: a contender's vectors in as few bytes as keep what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tunewise.comparison import Interval, interval
from tunewise.contenders import Contender, check_depth
from tunewise.contenders.contender import DEPTH
from tunewise.contenders.shrunk import with_words
from tunewise.data.split import divide
from tunewise.errors import DataError, OptionError
from tunewise.measurement.uses import count_use
from tunewise.metrics import parse_metric, score, weights_of
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings
from tunewise.retrieval.compact import ENOUGH, Compact, Cut, Form, Kept, fit
from tunewise.retrieval.dense import longest
from tunewise.task import Part, Task, Texts
from tunewise.training.exam import Encode

By = Literal["total", "searched"]
Vectors = NDArray[np.float32]

_SHARES = (1, 2 / 3, 1 / 2, 1 / 3, 1 / 6)  # of the dimensions, where no prefixes were trained
_DEEPER = (4, 16)  # times as many as the metric looks at are scored again
_ASKED = 500  # dev queries at most: a choice among many forms need not ask them all
FEWEST = 15
"""Groups of queries below which nothing is called sure: few that are alike look certain."""
_LITTLE = 0.02  # of the metric: vectors that bring no more over words are worth a word
_K = 10  # for a metric that looks at all places
_TIMED = 50  # queries asked one by one to see how long one takes


@dataclass(frozen=True, slots=True)
class Measured:
    """A form on some queries: the metric, the share of the whole vectors' metric, bytes, time.

    `spare` is the mean of the metric less `keep` times the whole vectors', with its interval:
    above zero, the form keeps what was asked.
    """

    form: Form
    score: float
    kept: float
    spare: Interval
    searched: int
    total: int
    query_ms: float
    groups: int

    @property
    def holds(self) -> bool:
        """Whether it surely keeps what was asked: never of nothing, or of a few groups."""
        return self.kept > 0 and self.groups >= FEWEST and self.spare.low >= 0


@dataclass(frozen=True)
class Shrink:
    """What shrinking came to: all forms on dev, the smallest that keeps enough, and that on test.

    `whole` is the metric of the vectors as they are, on dev and on test. `compact` is what was
    learned for the chosen form. `notes` say what is to be known of it.
    """

    contender: Contender
    task: Task
    metric: str
    keep: float
    by: By
    dimension: int
    forms: tuple[Measured, ...]
    chosen: Measured
    confirmed: Measured
    whole: tuple[float, float]
    compact: Compact
    asked: tuple[int, int]
    test_use: int
    seed: int
    notes: tuple[str, ...]

    @property
    def frontier(self) -> tuple[Measured, ...]:
        """The forms that no other beats in both bytes and quality, smallest first."""
        ordered = sorted(self.forms, key=lambda one: (self._bytes(one), -one.score))
        best, kept = -1.0, []
        for one in ordered:
            if one.score > best:
                best = one.score
                kept.append(one)
        return tuple(kept)

    def _bytes(self, one: Measured) -> int:
        return one.total if self.by == "total" else one.searched


def shrink(
    contender: Contender,
    task: Task,
    *,
    metric: str = "nDCG@10",
    keep: float = 0.99,
    by: By = "total",
    matryoshka: Sequence[int] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Shrink:
    """The smallest form of the contender's vectors that surely keeps this share of the metric.

    Forms are the first numbers of each vector (`matryoshka`: those trained for; without, also
    principal components), in float32, float16, int8 or binary, with and without scoring the best
    again. What a form needs is learned from the documents, the choice is made on dev, and test is
    asked once, for the form that was chosen. `by` says what is to be small: all copies together
    ("total") or the one that is searched ("searched").

    Raises OptionError for a share outside 0 … 1 or a prefix that the vectors do not have,
    DataError for a contender without vectors or data without dev.

    >>> import tunewise
    >>> found = tunewise.shrink(contender, task, keep=0.99)  # doctest: +SKIP
    >>> found.chosen.form.name  # doctest: +SKIP
    '384 first numbers, binary, best 40 again in int8'
    """
    metric = parse_metric(metric).name
    check_depth(metric)
    encode = _checked(contender, keep, by)
    division = divide(task, seed=seed)
    dev, test = division.training.dev, division.test.part
    if not len(dev):
        raise DataError("There is no dev part to choose on. Add judged queries.")
    documents = encode(task.documents.texts, "documents")
    longest(documents, "document")  # refuses what cannot be compared
    forms = forms_of(documents.shape[1], matryoshka, k=parse_metric(metric).k or _K)
    rule = _Rule(metric, keep, division.training.relevant_from, seed)
    on_dev = _trial(contender, task.documents, documents, _some(dev, seed), rule)
    measured = on_dev.measure_all(forms, progress)
    chosen = _smallest(measured, by)
    compact = fit(chosen.form, documents, seed=seed)
    use = count_use(
        task,
        {"shrink": _stamp(contender), "task": task.fingerprint, "by": by}
        | {"metric": metric, "keep": keep, "prefixes": list(matryoshka), "seed": seed},
    )
    progress("confirming on test", 0, 0)
    on_test = _trial(contender, task.documents, documents, test, rule)
    return Shrink(
        contender=contender,
        task=task,
        metric=metric,
        keep=keep,
        by=by,
        dimension=documents.shape[1],
        forms=measured,
        chosen=chosen,
        confirmed=on_test.measure(compact),
        whole=(on_dev.level, on_test.level),
        compact=compact,
        asked=(len(on_dev.part), len(test)),
        test_use=use,
        seed=seed,
        notes=_notes(on_dev, len(documents), chosen, matryoshka),
    )


def _checked(contender: Contender, keep: float, by: str) -> Encode:
    if not 0 < keep <= 1:
        raise OptionError(
            f"The share to keep is {keep}, but must be above 0 and at most 1: 0.99 for 99 %."
        )
    if by not in get_args(By):
        raise OptionError(f"What is to be small is total or searched, not '{by}'.")
    if contender.encode is None:
        raise DataError(
            f"'{contender.name}' compares no vectors, so there is nothing to shrink. Choose a "
            "folder whose winner has an encoder."
        )
    return contender.encode


def forms_of(dimension: int, matryoshka: Sequence[int] = (), *, k: int = _K) -> list[Form]:
    """The forms to try, those with most bytes first, for a metric of the best k.

    Raises OptionError for a prefix that the vectors do not have.
    """
    for size in matryoshka:
        if not 1 <= size <= dimension:
            raise OptionError(
                f"A prefix of {size} numbers was asked for, and the vectors have {dimension}. "
                f"Ask for 1 to {dimension}."
            )
    sizes = sorted({dimension, *matryoshka}, reverse=True)
    cuts: list[tuple[int, Cut]] = [(size, "prefix") for size in sizes]
    if not matryoshka:
        sizes = sorted({max(1, round(share * dimension)) for share in _SHARES}, reverse=True)
        cuts = [(size, cut) for size in sizes for cut in get_args(Cut)]
    forms = [form for size, cut in cuts for form in _of_cut(Form(size, cut), dimension, k)]
    return sorted(forms, key=lambda form: -form.bytes_of(dimension))


def _of_cut(cut: Form, dimension: int, k: int) -> list[Form]:
    """The forms of one cut: every kind of numbers, alone and with the best scored again."""
    binary = replace(cut, numbers="binary")
    counts = [deeper * k for deeper in _DEEPER]
    forms = [replace(cut, numbers=word) for word in ("float32", "float16", "int8")]
    forms += [binary, *(replace(binary, again="query", candidates=count) for count in counts)]
    for again in ("int8", "float16"):
        forms += [replace(binary, again=again, candidates=count) for count in counts]
    if cut.size < dimension:
        forms.append(replace(cut, numbers="int8", again="int8", candidates=counts[0]))
    return forms


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is asked of a form: this share of the metric."""

    metric: str
    keep: float
    relevant_from: float
    seed: int


@dataclass(frozen=True)
class _Trial:
    """Queries, documents and judgments to measure forms with, and what the whole vectors reach."""

    contender: Contender
    part: Part
    asked: Vectors
    documents: Vectors
    ids: Sequence[str]
    words: Rankings | None
    rule: _Rule
    whole: NDArray[np.float64]

    @property
    def words_keep(self) -> float | None:
        """The share of the metric that a hybrid's words reach alone; None without words."""
        if self.words is None or not self.level:
            return None
        return self._mean(self._judged(self.words)) / self.level

    @property
    def level(self) -> float:
        """The metric of the whole vectors."""
        return self._mean(self.whole)

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """The queries' weights, None where each stands for itself."""
        return weights_of(self.part.queries.ids, self.part.weights)

    def _mean(self, scores: NDArray[np.float64]) -> float:
        return float(np.average(scores, weights=self.weights))

    def measure_all(self, forms: Sequence[Form], progress: Progress) -> tuple[Measured, ...]:
        """What each form keeps of it, at which price."""
        measured = []
        for place, form in enumerate(forms):
            progress("trying forms", place, len(forms))
            measured.append(self.measure(fit(form, self.documents, seed=self.rule.seed)))
        return tuple(measured)

    def measure(self, compact: Compact) -> Measured:
        """What a form keeps of it, at which price."""
        kept = compact.keep(self.documents)
        scores = self.scores(compact, kept)
        lost = scores - self.rule.keep * self.whole
        spare = interval(lost, self.part.groups, seed=self.rule.seed, weights=self.weights)
        reached = self._mean(scores)
        dimension = self.documents.shape[1]
        return Measured(
            form=compact.form,
            score=reached,
            kept=reached / self.level if self.level else 0.0,
            spare=spare,
            searched=compact.form.searched,
            total=compact.form.bytes_of(dimension),
            query_ms=self._wait(compact, kept),
            groups=len(set(self.part.groups)),
        )

    def scores(self, compact: Compact, kept: Kept) -> NDArray[np.float64]:
        """The metric of each query."""
        return self._judged(self._ranked(compact, kept))

    def _judged(self, ranked: Rankings) -> NDArray[np.float64]:
        found = score(
            ranked, self.part.judgments, [self.rule.metric], relevant_from=self.rule.relevant_from
        )
        return found.of(self.rule.metric)

    def _ranked(self, compact: Compact, kept: Kept) -> Rankings:
        found = compact.search(self.asked, kept, self.part.queries.ids, self.ids, k=DEPTH)
        return found if self.words is None else with_words(self.contender, self.words, found)

    def _wait(self, compact: Compact, kept: Kept) -> float:
        """Milliseconds one query takes by itself, its vector given."""
        waits = []
        # one thread, for two wait a time slice for one another where other work is going on
        with threadpool_limits(1, user_api="blas"):
            for row in range(min(_TIMED, len(self.asked))):
                began = perf_counter()
                compact.search(self.asked[row : row + 1], kept, ["q"], self.ids, k=DEPTH)
                waits.append(perf_counter() - began)
        return 1000 * float(np.median(waits))


def _trial(
    contender: Contender,
    texts: Texts,
    documents: Vectors,
    part: Part,
    rule: _Rule,
) -> _Trial:
    """What the contender's forms are measured with on this part."""
    assert contender.encode is not None  # noqa: S101 - looked at before
    words = contender.parts.get("lexical")
    trial = _Trial(
        contender=contender,
        part=part,
        asked=contender.encode(part.queries.texts, "queries"),
        documents=documents,
        ids=texts.ids,
        words=None if words is None else words.rank(part.queries),
        rule=rule,
        whole=np.empty(0),
    )
    plain = fit(Form(documents.shape[1]), documents[:1])
    return replace(trial, whole=trial.scores(plain, plain.keep(documents)))


def _some(part: Part, seed: int) -> Part:
    """The part, or so many of its queries drawn at random."""
    if len(part) <= _ASKED:
        return part
    places = sorted(np.random.default_rng(seed).choice(len(part), _ASKED, replace=False).tolist())
    queries = part.queries.take(places)
    return Part(
        queries,
        {query: part.judgments[query] for query in queries.ids},
        [part.groups[place] for place in places],
    )


def _smallest(measured: Sequence[Measured], by: By) -> Measured:
    """The smallest that surely keeps enough; the whole vectors, as they came, where none does."""

    def price(one: Measured) -> tuple[float, ...]:
        both = (one.total, one.searched) if by == "total" else (one.searched, one.total)
        return (*both, one.form.candidates, -one.score)

    enough = [one for one in measured if one.holds]
    if enough:
        return min(enough, key=price)
    return max(measured, key=lambda one: (one.form.size, one.form.numbers == "float32"))


def _notes(
    trial: _Trial, documents: int, chosen: Measured, matryoshka: Sequence[int]
) -> tuple[str, ...]:
    notes = []
    words = trial.words_keep
    if words is not None and words >= trial.rule.keep - _LITTLE:
        notes.append(
            f"words alone, without any vectors, keep {100 * words:.1f} % on dev: what is kept here "
            "is mostly theirs"
        )
    if documents < ENOUGH:
        notes.append(
            f"{documents} vectors are few to learn from ({ENOUGH} are enough): other documents "
            "may be kept less well"
        )
    if not chosen.holds:
        why = "too much was asked"
        if not trial.level:
            why = f"{trial.rule.metric} is 0 for the whole vectors"
        elif chosen.groups < FEWEST:
            why = f"dev has {chosen.groups} groups of queries, and below {FEWEST} nothing is sure"
        notes.append(f"no form surely keeps enough, so the vectors stay as they are: {why}")
    if not matryoshka:
        notes.append(
            "the encoder was not trained for prefixes; `tunewise tune --matryoshka` does that"
        )
    return tuple(notes)


def _stamp(contender: Contender) -> list[Any]:
    stamp = None if contender.encoder is None else contender.encoder.stamp
    return [contender.name, stamp, dict(contender.settings)]
