"""Heads: scores of labels, one by one, become probabilities and a threshold, as dev says.

Each label is a question of its own (one-vs-rest). The heads are fitted for all labels at once:
the loss is a sum over labels that share no weight, so the least of the sum is the least of each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.kind import Arrays, Setting
from tunewise.kinds.multilabel.answers import Answers, Flags, Floats, best_threshold

_STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation (C); unit vectors want little of it
_MANY = 400  # labels from which on least squares take the place of logistic regression
_HOW = {"maxiter": 200, "maxcor": 5, "ftol": 1e-5}  # of L-BFGS; the loss is a mean over texts
_LEAST = 1e-9


@dataclass(frozen=True)
class Settled:
    """What dev made of scores: p = 1 / (1 + exp(-(scale · score + shift))), and the threshold.

    Platt 1999, "Probabilistic outputs for support vector machines", over all labels together, since
    most have too few dev texts for two numbers of their own. `level` is the metric that decides on
    dev, `loss` the log loss a text there.
    """

    scale: float = 1.0
    shift: float = 0.0
    threshold: float = 0.5
    level: float = 0.0
    loss: float = 0.0

    @property
    def settings(self) -> Mapping[str, float]:
        """Plain values, as `answering` reads them."""
        return {"scale": self.scale, "shift": self.shift, "threshold": self.threshold}


def settle(setting: Setting, scores: Floats) -> Settled:
    """What dev makes of the scores (n, labels) of its texts; as they are where there is no dev."""
    truth: Flags = setting.dev.labels
    if not truth.any() or truth.all():
        return Settled()
    weights, bias = logistic(scores.reshape(-1, 1), truth.reshape(-1, 1), 1e6)
    scale, shift = float(weights[0, 0]), float(bias[0])
    if scale <= 0:  # what says nothing of labels is not to be read the other way round
        scale, shift = 0.0, float(logit(truth.mean()))
    chances = sigmoid(scale * scores + shift)
    threshold, level = best_threshold(chances, truth, setting.metric)
    given = np.maximum(np.where(truth, chances, 1 - chances), _LEAST)
    return Settled(scale, shift, threshold, level, float(-np.log(given).sum(axis=1).mean()))


def answering(
    scores: Callable[[Sequence[str]], Floats], settings: Mapping[str, Any]
) -> Callable[[Sequence[str]], Answers]:
    """Answers to texts from scores (n, labels) of them, by what was settled."""
    scale, shift, threshold = (settings[name] for name in ("scale", "shift", "threshold"))

    def answer(texts: Sequence[str]) -> Answers:
        return Answers(sigmoid(scale * scores(texts) + shift), threshold)

    return answer


def fit_head(setting: Setting, train: Any, dev: Any) -> tuple[Arrays, Settled, Mapping[str, Any]]:
    """Weights (labels, d) and bias (labels,), as strong as dev likes them, and their settings.

    `train` and `dev` (n, d) may be sparse. A label that all training texts have, or none, is told
    by how many they are. Of equal heads the most regularised is taken.
    """
    labels: Flags = setting.train.labels
    times = labels.sum(axis=0)
    varies = (times > 0) & (times < len(labels))
    often = logit((times + 0.5) / (len(labels) + 1))
    how = "least squares" if varies.sum() > _MANY else "logistic regression"
    fits, start = [], None
    for strength in _STRENGTHS:
        if not varies.any():
            own, shift = np.zeros((0, train.shape[1])), np.zeros(0)
        elif how == "least squares":
            own, shift = _ridge(train, labels[:, varies], 1 / strength)
        else:
            own, shift = start = logistic(train, labels[:, varies], strength, start)
        weights = np.zeros((len(times), train.shape[1]), dtype=np.float32)
        bias = often.astype(np.float32)
        weights[varies], bias[varies] = own, shift
        arrays = {"weights": weights, "bias": bias}
        fits.append((settle(setting, scores_of(dev, arrays)), strength, arrays))
    settled, strength, arrays = max(fits, key=lambda fit: (fit[0].level, -fit[0].loss))
    return arrays, settled, {"head": how, "strength": strength, **settled.settings}


def scores_of(vectors: Any, arrays: Arrays) -> Floats:
    """Scores (n, labels) of vectors (n, d), which may be sparse."""
    return np.asarray(vectors @ arrays["weights"].T + arrays["bias"], dtype=np.float64)


def logistic(
    vectors: Any,
    labels: Flags,
    strength: float,
    start: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Logistic regression of each label (n, labels) on vectors (n, d): weights and bias.

    Least of ½·|weights|² + strength · log loss, as scikit-learn has it, by L-BFGS for all labels
    at once; from `start` where one is known.
    """
    from scipy.optimize import minimize

    count, width = labels.shape[1], vectors.shape[1]
    truth, across = labels.astype(np.float32), vectors.T
    scaled = strength * len(labels)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat[: count * width].reshape(count, width), flat[count * width :]
        narrow = weights.astype(np.float32)
        scores = np.asarray(vectors @ narrow.T + bias.astype(np.float32))
        apart = np.asarray(sigmoid(scores) - truth, dtype=np.float32)
        lost = np.logaddexp(0, scores).sum(dtype=np.float64) - float((scores * truth).sum())
        steep = weights + strength * np.asarray(across @ apart, dtype=np.float64).T
        total = 0.5 * float((weights**2).sum()) + strength * float(lost)
        slope = np.concatenate([steep.ravel(), strength * apart.sum(axis=0, dtype=np.float64)])
        return total / scaled, slope / scaled

    begin = (
        np.zeros(count * (width + 1)) if start is None else np.hstack([s.ravel() for s in start])
    )
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options=_HOW).x
    return found[: count * width].reshape(count, width), found[count * width :]


def _ridge(vectors: Any, labels: Flags, strength: float) -> tuple[Floats, Floats]:
    from sklearn.linear_model import Ridge

    found = Ridge(alpha=strength).fit(vectors, labels.astype(np.float32))
    return found.coef_, found.intercept_


def sigmoid(scores: Any) -> Any:
    """From scores to probabilities."""
    from scipy.special import expit

    return expit(scores)


def logit(chances: NDArray[np.floating[Any]] | float) -> Any:
    """From probabilities to scores; 0 and 1 are taken to be a little less sure."""
    bounded = np.clip(chances, _LEAST, 1 - _LEAST)
    return np.log(bounded / (1 - bounded))
