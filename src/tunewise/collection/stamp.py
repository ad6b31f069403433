"""VectorStamp: all that decided a collection's vectors, so that spaces are never mixed."""

from dataclasses import asdict, dataclass

from tunewise.collection.store import Precision
from tunewise.encoders import Encoder, TransformerEncoder, engine_of
from tunewise.encoders.stamp import stamp
from tunewise.errors import EncoderError, OptionError

_WORDS = {
    "model": "model",
    "query_prompt": "prompt before queries",
    "document_prompt": "prompt before documents",
    "dimension": "numbers a vector",
}


@dataclass(frozen=True)
class VectorStamp:
    """What made the vectors of a collection.

    `model` is the encoder's own stamp: weights, tokenizer, engine and the numbers it computes in.
    `dimension` is how many numbers are kept (the first ones, at unit length again), `precision`
    what they are kept in, `chunker` how documents were cut.
    """

    encoder: str
    model: str
    query_prompt: str
    document_prompt: str
    dimension: int
    precision: Precision
    normalised: bool = True
    chunker: str = ""

    @property
    def digits(self) -> str:
        """16 hexadecimal digits that change whenever any vector or chunk could change."""
        return stamp(*(f"{name}={value}" for name, value in asdict(self).items()))


def stamp_of(
    encoder: Encoder, *, prefix: int | None = None, precision: Precision, chunker: str = ""
) -> VectorStamp:
    """The stamp of what this encoder makes, cut to its first `prefix` numbers if given.

    Raises OptionError for a prefix that the vectors have not got.
    """
    if prefix is not None and not 1 <= prefix <= encoder.dimension:
        raise OptionError(
            f"A prefix of {prefix} numbers cannot be had of vectors with {encoder.dimension}. "
            "Give a smaller one."
        )
    asked, found = prompts(encoder)
    return VectorStamp(
        encoder=encoder.name,
        model=encoder.stamp,
        query_prompt=asked,
        document_prompt=found,
        dimension=prefix or encoder.dimension,
        precision=precision,
        chunker=chunker,
    )


def prompts(encoder: Encoder) -> tuple[str, str]:
    """What the encoder puts before queries and before documents."""
    if isinstance(encoder, TransformerEncoder):
        return encoder.prompt("queries"), encoder.prompt("documents")
    return "", ""


def check_encoder(
    kept: VectorStamp, encoder: Encoder, collection: str, *, engine: str = ""
) -> None:
    """Raises EncoderError, with what differs and what to do, if it did not make the vectors.

    `engine` is how the encoder that made them computes, if that is known.
    """
    own = stamp_of(encoder, precision=kept.precision)
    differing = [
        f"{word} {getattr(kept, name)!r} there, {getattr(own, name)!r} here"
        for name, word in _WORDS.items()
        if getattr(kept, name) != getattr(own, name)
        and not (name == "dimension" and kept.dimension < own.dimension)  # a prefix
    ]
    here = engine_of(encoder)
    if differing and engine and here and engine != here:
        differing.insert(0, f"computed by {engine} there, by {here} here")
    if differing:
        raise EncoderError(
            f"The vectors of collection '{collection}' were made by '{kept.encoder}', and what "
            f"'{encoder.name}' makes cannot be compared with them: {'; '.join(differing)}. Use the "
            "encoder that made them, or have the collection embedded anew: tunewise index "
            f"MODEL --collection {collection} --reembed."
        )
