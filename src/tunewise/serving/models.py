"""Models: what is served, by name: encoders as they come, and winners that lie in folders."""

import logging
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tunewise.contenders.contender import Kept
from tunewise.contenders.kept import (
    FILE,
    MODEL,
    kept_encoder,
    mapped_stamp,
    maps_of,
    place_of,
    read_kept,
    vectors_of,
)
from tunewise.encoders import (
    DEFAULT_ENCODER,
    Encoder,
    TransformerEncoder,
    is_hosted,
    load_encoder,
)
from tunewise.encoders.engines.devices import gpus
from tunewise.encoders.tokens import load_tokenizer
from tunewise.encoders.vectors import Side, unit
from tunewise.errors import OptionError
from tunewise.serving.recent import Vectors
from tunewise.training.adapter import Adapter, load_adapter

_AS_IT_IS = Adapter(None, None)
_LETTERS_A_TOKEN = 4  # in UTF-8, where no tokenizer is known

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Model:
    """One model that can be asked for by name.

    `encoder` may be that of other models too: what makes this one another is the `adapter` after
    it. `prefixes` are the dimensions it was trained to be cut to, largest first; none for none.
    `folder` is where all of it lies in the layout of sentence-transformers, if anywhere. `source`
    is what it was loaded by, `maps` the file that its adapter came from. `hybrid` says that it
    won with words besides its vectors.
    """

    name: str
    encoder: Encoder
    adapter: Adapter = _AS_IT_IS
    prefixes: tuple[int, ...] = ()
    folder: Path | None = None
    created: int = field(default_factory=lambda: int(time.time()))
    source: str = ""
    maps: Path | None = None
    hybrid: bool = False

    @cached_property
    def stamp(self) -> str:
        """16 digits of all that makes its vectors, as collections are stamped with."""
        return mapped_stamp(self.encoder, self.maps)

    def finish(self, vectors: Vectors, side: Side, dimensions: int | None = None) -> Vectors:
        """The encoder's vectors (n, d) as this model's: mapped, cut, brought back to length one."""
        own = (
            self.adapter.queries(vectors) if side == "queries" else self.adapter.documents(vectors)
        )
        if dimensions is None or dimensions == own.shape[1]:
            return own
        return unit(own[:, :dimensions])

    def count_tokens(self, texts: Sequence[str], side: Side) -> list[int]:
        """Tokens of each text before anything is cut off, those of the side's prompt too.

        Behind an endpoint the tokenizer is unknown: a quarter of the bytes stands for them.
        """
        if isinstance(self.encoder, TransformerEncoder):
            counts = self.encoder.count_tokens(texts, side=side)
        else:
            counts = self.encoder.count_tokens(texts)
        return [
            int(count)
            if count >= 0
            else len(text.encode("utf-8", "replace")) // _LETTERS_A_TOKEN + 1
            for text, count in zip(texts, counts, strict=True)
        ]

    def text_of(self, tokens: Sequence[int]) -> str | None:
        """The text that this model's tokenizer makes these tokens of; None if there is none such.

        Special tokens do not count: they are put around every text anyhow.
        """
        tokenizer = self.tokenizer
        if tokenizer is None or any(tokenizer.id_to_token(token) is None for token in tokens):
            return None
        text = str(tokenizer.decode(list(tokens)))
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        special = {n for n, each in tokenizer.get_added_tokens_decoder().items() if each.special}
        return text if plain == [token for token in tokens if token not in special] else None

    @cached_property
    def tokenizer(self) -> Any:
        """The model's own; None for an encoder that shows none."""
        if not isinstance(self.encoder, TransformerEncoder):
            return None
        return load_tokenizer(self.encoder.folder, self.encoder.copy)


@dataclass(frozen=True)
class Offer:
    """What is served, by name, and why the rest is not."""

    models: Mapping[str, Model]
    refused: Mapping[str, str] = field(default_factory=dict)


def load_models(
    words: Sequence[str], *, engine: str = "auto", base_url: str | None = None
) -> dict[str, Model]:
    """The models that words name: NAME=WHICH, or WHICH alone, which then names itself.

    WHICH is a folder that measure or tune wrote, or whatever `load_encoder` takes. Encoders with
    the same stamp are one object, however many models stand on it. `engine` is for those that were
    not measured, `base_url` for hosted ones. Without words, the default encoder. Raises OptionError
    for a name given twice or a winner without vectors, and what loading an encoder raises.
    """
    shared = _Shared(engine)
    models: dict[str, Model] = {}
    for word in words or [DEFAULT_ENCODER]:
        given, equals, which = word.partition("=")
        which = which if equals else given
        folder = Path(which).expanduser()
        name = given if equals else folder.resolve().name if folder.is_dir() else which
        if name in models:
            raise OptionError(
                f"Two models are called '{name}'. Give each a name of its own: NAME={which}."
            )
        home = place_of(folder)
        if home is None:
            encoder = shared.load(which, base_url if is_hosted(which) else None)
            own = getattr(encoder, "folder", None)
            models[name] = Model(name, encoder, folder=own, source=which)
        else:
            models[name] = _winner(name, home, shared)
    return models


class _Shared:
    """Encoders by their stamps."""

    def __init__(self, engine: str, found: MutableMapping[str, Encoder] | None = None) -> None:
        self._engine = engine
        self._found = {} if found is None else found

    def load(self, name: str, base_url: str | None) -> Encoder:
        """The encoder of this name; the object that is there already, if it is the same."""
        return self.one(load_encoder(name, base_url=base_url, engine=self._engine))

    def one(self, encoder: Encoder) -> Encoder:
        """The encoder of this stamp, which writes nothing to disk of what it is asked."""
        if isinstance(encoder, TransformerEncoder):
            encoder = encoder.in_way(
                encoder.way, why=encoder.why, keep=False, lanes=None if gpus() else 1
            )
        return self._found.setdefault(encoder.stamp, encoder)


def load_winner(name: str, folder: Path, *, encoders: MutableMapping[str, Encoder]) -> Model:
    """The winner in a folder that holds its `tunewise.json`; raises as `load_models` does.

    It stands on the encoder of its stamp in `encoders`, if one is there, and is entered if not.
    """
    return _winner(name, folder, _Shared("auto", encoders))


def _winner(name: str, home: Path, shared: _Shared) -> Model:
    whole = Kept(read_kept(home), home)
    kept = vectors_of(whole)
    if kept is None or not kept.saved["encoder"].get("own", True):
        raise OptionError(
            f"The winner in '{home}', {whole.saved['name']}, has no vectors of its own to serve. "
            f"Serve an encoder by its name instead, such as: tunewise serve {DEFAULT_ENCODER}. "
            'What it embeds is searched by words where a search says "by": "words".'
        )
    encoder, maps = shared.one(kept_encoder(kept)), maps_of(kept)
    adapter = _AS_IT_IS if maps is None else load_adapter(maps)
    folder = home if (home / "modules.json").is_file() else getattr(encoder, "folder", None)
    prefixes = tuple((kept.saved["settings"].get("recipe") or {}).get("matryoshka") or ())
    created = int((home / FILE).stat().st_mtime)
    source = str((home.parent if home.name == MODEL else home).resolve())
    hybrid = "vectors" in whole.saved.get("parts", {})
    return Model(name, encoder, adapter, prefixes, folder, created, source, maps, hybrid)
