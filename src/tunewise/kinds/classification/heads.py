"""Heads: vectors to probabilities of labels, linear and calibrated, as plain arrays.

scikit-learn fits them. A probability is softmax(scores / temperature), the temperature being the
one with the least log loss on dev (Guo et al. 2017, "On calibration of modern neural networks").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Chances = NDArray[np.float32]  # (n, labels): of ten thousand labels twice as many would be too many

_STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation (C); unit vectors want little of it
MANY = 400  # labels from which on least squares take the place of logistic regression
_ALPHAS = (0.1, 1.0, 10.0)  # regularisation of least squares
_STEPS = 400
_TEMPERATURES = np.geomspace(0.01, 10, 61).tolist()
_STRIDE = 6  # temperatures passed over at first
_MOST_SCORES = 20_000_000  # that a temperature is chosen by
LEAST = 1e-12  # no answer is taken to be surer than this that a label is wrong


@dataclass(frozen=True)
class Head:
    """`weights` (labels, d), `bias` (labels,), and the temperature that dev liked best."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float
    settings: Mapping[str, Any]

    def probabilities(self, vectors: Any) -> Chances:
        """Of each label, for each of the vectors (n, d), which may be sparse."""
        scores: Chances = np.asarray(vectors @ self.weights.T + self.bias)
        return softmax(scores / self.temperature)

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """All that it is, but for the temperature."""
        return {"weights": self.weights, "bias": self.bias}


def restored(arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Head:
    """The head with these arrays and settings."""
    return Head(arrays["weights"], arrays["bias"], settings["temperature"], settings)


def fit_head(
    train: Any,
    labels: NDArray[np.int64],
    dev: Any,
    dev_labels: NDArray[np.int64],
    count: int,
    *,
    seed: int,
) -> Head:
    """A head of `count` labels for vectors (n, d), as strong as dev likes it.

    A label without a training text gets a bias so low that it is never chosen. Of equal ones the
    most regularised is taken.
    """
    fits = []
    for strength in _ALPHAS[::-1] if count > MANY else _STRENGTHS:
        weights, bias = _fitted(train, labels, count, strength, seed)
        scores = np.asarray(dev @ weights.T + bias)
        temperature, loss = best_temperature(scores, dev_labels)
        right = float((scores.argmax(axis=1) == dev_labels).mean()) if len(dev_labels) else 0.0
        fits.append((right, -loss, strength, weights, bias, temperature))
    right, _, strength, weights, bias, temperature = max(fits, key=lambda fit: fit[:2])
    how = "least squares" if count > MANY else "logistic regression"
    settings = {"head": how, "strength": strength, "temperature": temperature}
    return Head(weights, bias, temperature, settings)


def best_temperature(scores: Chances, labels: NDArray[np.int64]) -> tuple[float, float]:
    """The temperature of least log loss, and that loss; 1 where there is nothing to see."""
    if not len(labels):
        return 1.0, 0.0
    step = -(-scores.size // _MOST_SCORES)  # for one number so many suffice
    some, known = scores[::step], labels[::step]
    rows = np.arange(len(known))

    def loss(place: int) -> float:
        chances = softmax(some / _TEMPERATURES[place])[rows, known]
        return float(-np.log(np.maximum(chances, LEAST)).mean(dtype=np.float64))

    count = len(_TEMPERATURES)
    near = min(range(0, count, _STRIDE), key=loss)  # the loss falls, and rises again
    best = min(range(max(near - _STRIDE + 1, 0), min(near + _STRIDE, count)), key=loss)
    return _TEMPERATURES[best], loss(best)


def logs(chances: Chances) -> Chances:
    """Scores whose softmax these probabilities are."""
    return np.asarray(np.log(np.maximum(chances, LEAST)))


def softmax(scores: Chances) -> Chances:
    """Rows (n, labels) that add up to 1.

    >>> softmax(np.zeros((1, 2), dtype=np.float32)).tolist()
    [[0.5, 0.5]]
    """
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _fitted(
    train: Any, labels: NDArray[np.int64], count: int, strength: float, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    known = np.unique(labels)
    found, bias = _solved(train, labels, count, strength, seed)
    if len(known) == 2 and len(found) == 1:  # scikit-learn gives two labels one row
        found, bias = np.vstack([-found, found]) / 2, np.concatenate([-bias, bias]) / 2
    weights = np.zeros((count, found.shape[1]), dtype=np.float32)
    least = np.full(count, -1e4, dtype=np.float32)
    weights[known], least[known] = found, bias
    return weights, least


def _solved(
    train: Any,
    labels: NDArray[np.int64],
    count: int,
    strength: float,
    seed: int,
) -> tuple[Floats, Floats]:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if count > MANY:
        return _least_squares(train, labels, strength)
    model = LogisticRegression(C=strength, max_iter=_STEPS, random_state=seed)
    with warnings.catch_warnings():
        # a head that is still moving a little after so many steps is judged on dev as it is
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, labels)
    return model.coef_, model.intercept_


def _least_squares(train: Any, labels: NDArray[np.int64], strength: float) -> tuple[Floats, Floats]:
    """What RidgeClassifier finds: weights (known labels, d) and their bias.

    It lays out a number for each text and label, which of ten thousand labels no memory holds; the
    sums of each label's vectors are all that the solution takes.
    """
    from scipy.linalg import solve
    from scipy.sparse import csr_matrix

    which = np.unique(labels, return_inverse=True)[1]
    texts, counts = len(labels), np.bincount(which)
    own = csr_matrix((np.ones(texts), (which, np.arange(texts))), shape=(len(counts), texts))
    sums, gram = own @ train, train.T @ train
    middle = sums.sum(axis=0) / texts
    gram = gram - texts * np.outer(middle, middle) + strength * np.eye(len(middle))
    aims = 2 * (sums - counts[:, None] * middle)  # of targets 1 and -1, about their means
    weights = solve(gram, aims.T, assume_a="pos").T
    return weights, 2 * counts / texts - 1 - weights @ middle


def readable(names: Sequence[str]) -> list[str]:
    """Label names as words: underscores, dashes and humps become spaces.

    >>> readable(["card_arrival", "lostCard"])
    ['card arrival', 'lost card']
    """
    import re

    split = [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name) for name in names]
    return [re.sub(r"[\W_]+", " ", name).strip().lower() for name in split]
