"""int8: taken where it is quicker and the judged queries see no difference."""

import numpy as np

from tunewise.comparison import Interval, interval
from tunewise.contenders.contender import DEPTH
from tunewise.encoders import Encoder, TransformerEncoder
from tunewise.encoders.engines.choosing import remembered
from tunewise.measurement.shrink import FEWEST
from tunewise.metrics import score
from tunewise.progress import Progress, silent
from tunewise.retrieval import nearest
from tunewise.task import Training

_COSTS = 0.005  # of the metric, which int8 surely must not cost: a quarter of what is worth having
_DOCUMENTS = 2_000  # the answers, and others drawn at random: encoding all twice would gain nothing


def lighter(
    encoder: Encoder,
    training: Training,
    metric: str,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Encoder:
    """The encoder in int8, if that was found to be quicker and dev allows it; else as it is.

    Dev allows it if the interval of the metric's change, on some of the documents, ends no lower
    than −0.005. What came of it is told in the encoder's `why`.
    """
    if not isinstance(encoder, TransformerEncoder):
        return encoder
    choice = remembered(encoder.root, encoder.model_stamp)
    trial = choice.lighter if choice and choice.way == encoder.way else None
    if trial is None or len(set(training.dev.groups)) < FEWEST:
        return encoder
    progress("holding int8 to the judged queries", 0, 0)
    other = encoder.in_way(trial.way)
    change = _change(other, encoder, training, metric, seed)
    told = f"{metric} on dev {change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}]"
    if change.low < -_COSTS:
        return encoder.in_way(encoder.way, why=f"{encoder.why}; not with {trial.told()}; {told}")
    return other.in_way(trial.way, why=f"encoding with {trial.told()}; {told}")


def _change(these: Encoder, those: Encoder, training: Training, metric: str, seed: int) -> Interval:
    """The metric of these vectors less that of those, on dev."""
    dev = training.dev
    answers = {document for query in dev.queries.ids for document in dev.judgments[query]}
    ids = training.documents.ids
    order = np.random.default_rng(seed).permutation(len(ids))[:_DOCUMENTS]
    chosen = set(order.tolist())
    documents = training.documents.take(
        [place for place, name in enumerate(ids) if place in chosen or name in answers]
    )

    def scores(encoder: Encoder) -> np.ndarray:
        found = nearest(
            encoder.encode_queries(dev.queries.texts),
            encoder.encode_documents(documents.texts),
            dev.queries.ids,
            documents.ids,
            k=DEPTH,
        )
        judged = score(found, dev.judgments, [metric], relevant_from=training.relevant_from)
        return judged.of(metric)

    return interval(scores(these) - scores(those), dev.groups, seed=seed)
