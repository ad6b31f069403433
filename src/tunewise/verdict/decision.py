"""decide: the rule that turns scores into an answer.

This is the whole of it. It sees nothing but scores on the test part, chosen contenders' dev
means and the gain worth having, so that it can be checked without a model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tunewise.comparison import Comparison, Interval, level_of, signed, signed_interval
from tunewise.errors import OptionError
from tunewise.power import most_differing
from tunewise.verdict.bet import better_bet
from tunewise.verdict.needed import FEW, Needed, needed_for
from tunewise.verdict.standing import Standing, difference
from tunewise.verdict.target import Target, target_of
from tunewise.verdict.unmeasured import not_measured

TUNE, SUFFICES, CANNOT_TELL = "tune", "suffices", "cannot tell yet"


@dataclass(frozen=True)
class Decision:
    """What `decide` found. `gain` is the best tuned contender minus the best untuned, on test.

    `known` holds every comparison that was made, by its two names.
    """

    answer: str
    contender: str
    rung: str | None
    sentence: str
    reasons: tuple[str, ...]
    best_untuned: str
    best_tuned: str | None
    gain: Comparison | None
    against: Mapping[str, Comparison]
    target: Target | None
    needed: Needed | None
    known: Mapping[tuple[str, str], Comparison] = field(default_factory=dict, repr=False)


def decide(
    standings: Sequence[Standing],
    groups: Sequence[str],
    *,
    metric: str,
    worth: float,
    target: float | None = None,
    seed: int = 0,
    units: str = "queries",
    known: Mapping[tuple[str, str], Comparison] | None = None,
    untried: str | None = None,
    unmeasured: Sequence[str] = (),
) -> Decision:
    """The answer, from contenders in order of price, cheapest first.

    With u the best untuned and t the best tuned contender on dev, and Δ = t − u on test:
    `tune` when the interval of Δ lies above 0 and Δ ≥ `worth`, over u and over every other untuned
    contender, recommending the cheapest tuned contender that does so too and falls short of t by
    less than `worth` with confidence; `suffices` when the interval lies below `worth`, or when
    tuning gave u back, naming what is used ("suffices with hybrid") if it beats the plain encoder
    by `worth` with confidence; else `cannot tell yet`, with the number of judged queries that would
    settle it; what is named is then the better bet until it can be told. An untuned contender that
    dev misjudged is replaced as u (`docs/decisions/0005`).

    `groups` are the test queries' groups, aligned with the scores: they are what is resampled.
    `units` is what is said in place of queries, where it is something else that is answered.
    `known` are comparisons of the same standings that need not be made again. `untried` is a
    sentence on what kept tuned contenders from being measured; without one they were not asked for.
    `unmeasured` are those that may bring more, had they been: what is said is not of them.
    """
    contest = _Contest(
        tuple(standings), tuple(groups), metric, worth, seed, units, dict(known or {}), unmeasured
    )
    untuned, tuned = contest.best(tuned=False), contest.best(tuned=True)
    if untuned is None:
        raise OptionError("A gain is measured against something untuned, and nothing untuned was.")
    untuned = contest.opponent(tuned, untuned)
    gain = None if tuned is None else contest.compare(tuned, untuned)
    if tuned is None or gain is None:
        found = _untried(contest, untuned, target, untried)
    elif contest.thin(tuned, untuned):
        found = _cannot_tell(contest, untuned, tuned, gain)
    elif contest.beats_all(tuned):
        found = _tune(contest, untuned, tuned)
    elif gain.high < worth:
        found = _suffices(contest, untuned, tuned, gain)
    else:
        found = _cannot_tell(contest, untuned, tuned, gain)
    return Decision(
        answer=found.answer,
        contender=found.chosen.name,
        rung=found.chosen.rung,
        sentence=found.sentence,
        reasons=found.reasons,
        best_untuned=untuned.name,
        best_tuned=None if tuned is None else tuned.name,
        gain=gain,
        against={s.name: contest.compare(s, untuned) for s in standings if s is not untuned},
        target=target_of(
            _mean(contest, found.chosen), target, metric=metric, searched=units == "queries"
        ),
        needed=found.needed,
        known=contest.known,
    )


@dataclass(frozen=True)
class _Found:
    """What one branch of the rule says."""

    answer: str
    chosen: Standing
    sentence: str
    reasons: tuple[str, ...]
    needed: Needed | None = None


@dataclass(frozen=True)
class _Contest:
    """The standings, cheapest first, and how two of them are compared."""

    standings: tuple[Standing, ...]
    groups: tuple[str, ...]
    metric: str
    worth: float
    seed: int
    units: str
    known: dict[tuple[str, str], Comparison] = field(default_factory=dict)
    unmeasured: Sequence[str] = ()

    def best(self, *, tuned: bool) -> "Standing | None":
        """The best on dev of its kind; of equals, the cheapest."""
        kind = [s for s in self.standings if s.tuned == tuned]
        return max(kind, key=lambda s: s.dev) if kind else None

    def compare(self, first: Standing, second: Standing) -> Comparison:
        """First minus second, on the test queries."""
        pair = first.name, second.name
        if pair not in self.known:
            self.known[pair] = difference(
                first, second, self.groups, metric=self.metric, seed=self.seed
            )
        return self.known[pair]

    def beats_all(self, standing: Standing) -> bool:
        """Whether what it gains over every untuned contender pays.

        To hold over all, it must be shown over each, and no correction for their number is due
        (Berger 1982, intersection-union tests).
        """
        untuned = [s for s in self.standings if not s.tuned]
        return all(self.pays(self.compare(standing, s)) for s in untuned)

    def opponent(self, tuned: Standing | None, untuned: Standing) -> Standing:
        """The untuned contender that tuning is held against: `untuned`, unless dev misjudged it.

        One that surely beats it on test takes its place, and so does one that takes a gain over
        it away: else tuning would be credited with what a better choice had brought.
        """
        others = [s for s in self.standings if not s.tuned]
        if tuned is not None and self.beats_all(tuned):
            return untuned
        better = [s for s in others if s is not untuned and self.compare(s, untuned).low > 0]
        if better:
            return max(better, key=lambda s: s.scores.mean(self.metric))
        if tuned is not None and self.pays(self.compare(tuned, untuned)):
            unpaid = [s for s in others if not self.pays(self.compare(tuned, s))]
            return min(unpaid, key=lambda s: self.compare(tuned, s).low)
        return untuned

    def pays(self, gain: Comparison) -> bool:
        """Whether a gain is surely one, and as large as is worth having."""
        return gain.low > 0 and gain.difference >= self.worth

    def thin(self, tuned: Standing, untuned: Standing) -> bool:
        """Whether so few queries differ that the interval says more than they can bear.

        A bootstrap cannot draw the differences it has not seen. Below ten differing queries the
        share that would differ is bounded instead (97.5 % of a Poisson count, Byar's
        approximation); if even differences of 1 on that share stay below what is worth having,
        there is nothing left to see. Nor is there where both are the same contender.
        """
        gain = self.compare(tuned, untuned)
        differing = gain.wins + gain.losses
        if self.given_back(tuned, untuned):
            return False
        return differing < FEW and most_differing(differing) / gain.units >= self.worth

    def given_back(self, tuned: Standing, untuned: Standing) -> bool:
        """Whether tuning, by every seed, gave it or its like back: no query can tell them apart."""
        gain = self.compare(tuned, untuned)
        same = tuned.same_as is not None and not gain.wins + gain.losses
        return same and not tuned.unrepeatable(self.metric)

    def cheapest(self, kind: Sequence[Standing], best: Standing) -> Standing:
        """The first of `kind` that falls short of `best` by less than `worth`, surely."""
        for standing in kind:
            if standing is best or self.compare(best, standing).high < self.worth:
                return standing
        return best


def _tune(contest: _Contest, untuned: Standing, tuned: Standing) -> _Found:
    paying = [s for s in contest.standings if s.tuned and contest.beats_all(s)]
    chosen = contest.cheapest(paying, tuned)
    own = contest.compare(chosen, untuned)
    reasons = [f"{untuned.name} is the best untuned contender on dev; {_worth(contest)}."]
    if chosen is not tuned:
        short = contest.compare(tuned, chosen)
        reasons.append(
            f"{tuned.name} is the best on dev, but {chosen.name} costs less and falls short of it "
            f"by {_signed(short)} {contest.metric}, surely less than what is worth having."
        )
    return _Found(
        TUNE,
        chosen,
        f"Tune: {chosen.name} brings {_signed(own)} {contest.metric} over {untuned.name}, "
        "the best untuned contender.",
        tuple(reasons),
    )


def _suffices(contest: _Contest, untuned: Standing, tuned: Standing, gain: Comparison) -> _Found:
    change = _change(contest, untuned)
    kind = [s for s in contest.standings if not s.tuned]
    fit = kind if change is None else [s for s in kind if _change(contest, s) is not None]
    chosen = contest.cheapest(fit, untuned)
    brought = _change(contest, chosen)
    reasons = _why_suffices(contest, untuned, tuned, gain, chosen)
    open_ = contest.unmeasured
    subject = tuned.name if open_ else "tuning"
    left = f"; {not_measured(open_)}" if open_ else ""
    if brought is not None:
        return _Found(
            f"{SUFFICES} with {chosen.name}",
            chosen,
            f"Off-the-shelf suffices with {chosen.name}: it brings {_signed(brought)} "
            f"{contest.metric} over the plain encoder, and {subject} adds less than is worth "
            f"having{left}.",
            reasons,
        )
    return _Found(
        SUFFICES,
        chosen,
        f"Off-the-shelf suffices: use {chosen.name}; {subject} adds less than the "
        f"{contest.worth:g} {contest.metric} worth having{left}.",
        reasons,
    )


def _why_suffices(
    contest: _Contest, untuned: Standing, tuned: Standing, gain: Comparison, chosen: Standing
) -> tuple[str, ...]:
    reasons = [
        _given_back(contest, tuned, untuned)
        if contest.given_back(tuned, untuned)
        else f"The best tuned contender, {tuned.name}, brings {_signed(gain)} {contest.metric} "
        f"over {untuned.name}: surely less than the {contest.worth:g} worth having."
    ]
    if open_ := contest.unmeasured:
        reasons.append(f"{not_measured(open_)}, and may still bring more.")
    best = max(
        (s for s in contest.standings if s.tuned), key=lambda s: s.scores.mean(contest.metric)
    )
    if best is not tuned and contest.compare(best, untuned).high >= contest.worth:
        reasons.append(
            f"{best.name} did better on test, {_signed(contest.compare(best, untuned))}, but dev "
            f"chose {tuned.name}: to pick it now would be to choose by luck."
        )
    if chosen is not untuned:
        reasons.append(
            f"{chosen.name} costs less than {untuned.name} and surely falls short of it by less "
            "than is worth having."
        )
    elif _change(contest, chosen) is None:
        reasons += _unnamed(contest, chosen)
    return tuple(reasons)


def _unnamed(contest: _Contest, chosen: Standing) -> Iterator[str]:
    """Why the answer does not name what is to be used, where that is not the plain encoder."""
    plain = next((s for s in contest.standings if s.plain), None)
    if plain is not None and plain is not chosen:
        yield (
            f"The answer is not '{SUFFICES} with {chosen.name}', because over the plain encoder, "
            f"{plain.name}, it brings {_signed(contest.compare(chosen, plain))}: not surely a gain "
            "worth having."
        )


def _given_back(contest: _Contest, tuned: Standing, untuned: Standing) -> str:
    return (
        f"No tuned contender does better than {untuned.name} on dev, and the best, {tuned.name}, "
        f"is that contender itself: these training {contest.units} teach nothing of use. More of "
        "them may."
    )


def _cannot_tell(contest: _Contest, untuned: Standing, tuned: Standing, gain: Comparison) -> _Found:
    thin = contest.thin(tuned, untuned)
    needed = needed_for(gain, contest.worth, thin=thin, units=contest.units)
    chosen, why = _meanwhile(contest)
    more = needed.more and f" Label about {needed.more:,} more test {contest.units} to settle it."
    itself = (
        f"Dev liked nothing that {tuned.name} learned, so it is {tuned.same_as} itself: what is "
        f"between it and {untuned.name} is no gain of tuning."
    )
    given = () if tuned.same_as in (None, untuned.name) else (itself,)
    short = (
        f"but {gain.wins + gain.losses} of {gain.units:,} {contest.units} come out differently, "
        "too few to go by"
        if thin
        else f"which neither shows a gain nor rules out {contest.worth:g}"
    )
    return _Found(
        CANNOT_TELL,
        chosen,
        f"Cannot tell yet: {tuned.name} brings {_signed(gain)} {contest.metric} over "
        f"{untuned.name}, {short}.{more or ''}",
        (*given, why, needed.why),
        needed,
    )


def _meanwhile(contest: _Contest) -> tuple[Standing, str]:
    """What to use until it can be told, and why."""
    bet = better_bet(contest.standings, contest.metric, contest.worth, contest.compare)
    guessed = (
        f"{signed(bet.gain)} {contest.metric}, the best guess from dev and test together (drawn "
        "towards 0 as far as it is unsure)"
    )
    if bet.chosen.tuned:
        return bet.chosen, (
            f"Until then, {bet.chosen.name} is the better bet: its gain over {bet.other.name}, "
            f"{guessed}, is worth having, though that may be chance; {bet.other.name} is what "
            "to use if tuning is a burden."
        )
    return bet.chosen, (
        f"Until then, {bet.chosen.name} is the better bet: {bet.other.name} brings {guessed}, less "
        "than is worth having."
    )


def _untried(
    contest: _Contest, untuned: Standing, target: float | None, untried: str | None
) -> _Found:
    """No tuned contender: the answer can only rest on a target the user set."""
    score = _mean(contest, untuned)
    why = "No tuned contender was measured, so nothing is known of what tuning would bring."
    if target is not None and score.low >= target:
        change = _change(contest, untuned)
        return _Found(
            SUFFICES if change is None else f"{SUFFICES} with {untuned.name}",
            untuned,
            f"Off-the-shelf suffices for your target: {untuned.name} reaches "
            f"{_level(score)} {contest.metric}, and you asked for {target:g}.",
            (why,),
        )
    return _Found(
        CANNOT_TELL,
        untuned,
        f"Cannot tell yet: no tuned contender was measured. {untuned.name} reaches "
        f"{_level(score)} {contest.metric}.",
        (
            why,
            untried
            or "Name adapter with --try as well, to learn whether tuning pays; it takes training "
            f"{contest.units}.",
        ),
    )


def _change(contest: _Contest, untuned: Standing) -> Comparison | None:
    """What the best untuned contender brings over the plain encoder, if that surely pays."""
    plain = next((s for s in contest.standings if s.plain), None)
    if plain is None or plain is untuned:
        return None
    brought = contest.compare(untuned, plain)
    return brought if contest.pays(brought) else None


def _mean(contest: _Contest, standing: Standing) -> Interval:
    return level_of(standing.scores, contest.metric, contest.groups, seed=contest.seed)


def _worth(contest: _Contest) -> str:
    return f"{contest.worth:g} {contest.metric} was set as the gain worth having"


def _signed(gain: Comparison) -> str:
    return f"{signed(gain.difference)} {signed_interval(gain.low, gain.high)}"


def _level(score: Interval) -> str:
    return f"{score.mean:z.3f} [{score.low:z.3f}, {score.high:z.3f}]"
