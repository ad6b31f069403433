"""Texts at the door of an encoder: what is accepted, and the key each has on disk."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import OptionError


def as_texts(texts: Sequence[str]) -> Sequence[str]:
    """The same texts, once it is known that they are a sequence of strings.

    Raises OptionError for a single string (its letters would be encoded one by one) and for
    anything in the sequence that is not a string.
    """
    if isinstance(texts, str):
        raise OptionError(
            "An encoder takes a list of texts, and was given one text. Put it in a list: [text]."
        )
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise OptionError(
                f"Text {place} is a {type(text).__name__}, and only text can be encoded. "
                "Convert it to str first."
            )
    return texts


def keys_of(texts: Sequence[str]) -> NDArray[np.bytes_]:
    """A 16-byte key for each text, shape (n,), from which the text cannot be read back."""
    digests = [blake2b(_bytes(text), digest_size=16).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype="S16")


def readable(text: str) -> str:
    """The text with lone surrogates replaced by "?", which no tokenizer accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")


def distinct(keys: NDArray[np.bytes_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each distinct key comes first (m,), and for every key which distinct one it is (n,).

    The distinct ones are numbered in the order in which they come first.
    """
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return first[order].astype(np.int64), number[which]


def _bytes(text: str) -> bytes:
    # JSON can hold half of a surrogate pair, which has no UTF-8.
    return text.encode("utf-8", "surrogatepass")
