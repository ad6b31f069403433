"""Batching: texts of many callers become batches, and each core encodes one at a time.

Where all is idle a text waits for nobody. What comes while others are computed waits in lanes (see
lanes.py), which take turns, as callers do within each: a batch holds texts of like lengths around
the one whose turn it is, and who waits for it has its vectors as soon as it is done.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from tunewise.encoders import Encoder
from tunewise.encoders.texts import keys_of
from tunewise.encoders.vectors import Side
from tunewise.serving.lanes import Key, Lane, Text
from tunewise.serving.observed import Meters
from tunewise.serving.recent import Recent, Vectors
from tunewise.serving.refused import Reason, Refused, busy
from tunewise.serving.spans import NoSpans, Spans

Kept = Callable[[Encoder, Side, Sequence[str]], Vectors]
"""Vectors of texts from what was kept, encoded where nothing was: what the thread runs."""
_GUESS = 2_000.0  # tokens a second, before any were measured
_LEAST = 256  # tokens a batch, where as many wait: of fewer, what each call takes tells
_FORGOTTEN = 1_000  # texts that nobody waits for any more, before they are looked for
_NO_SPANS = NoSpans()
_LINGER, _LONGEST = 0.1, 0.05  # of what the last batch took, and seconds

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be asked at once.

    `batch` is tokens that callers take turns for (see `Batcher`), `waiting` tokens that may wait,
    `patience` seconds a request may wait, `memory` bytes of vectors kept at hand.
    """

    batch: int = 8_192
    waiting: int = 600_000
    patience: float = 120.0
    memory: int = 64 * 2**20


class _EncodingError(Exception):
    """What an encoder raised, by its kind alone: its words may quote a text."""


class Batcher:
    """Encodes for many callers in `cores` threads. Used by one event loop; `close` when done.

    `padded` is tokens, padding included, that a core encodes at once; None for as many as callers
    take turns for, which the encoder then cuts as it likes.
    """

    def __init__(
        self,
        limits: Limits,
        meters: Meters,
        kept: Kept,
        *,
        cores: int = 1,
        padded: int | None = None,
        spans: Spans = _NO_SPANS,
    ) -> None:
        self.limits, self._meters, self._kept, self._spans = limits, meters, kept, spans
        self._lanes: OrderedDict[tuple[str, Side], Lane] = OrderedDict()
        self._waited_for: dict[Key, Text] = {}
        self._recent = Recent(limits.memory)
        self._waiting = self._encoding = 0  # tokens, those being encoded among both
        self._left = 0  # texts that lie in lanes, and whose callers have gone
        self._rate = _GUESS
        self._ready = asyncio.Event()
        self._threads = ThreadPoolExecutor(cores, thread_name_prefix="encoding")
        self._cores, self._padded, self._busy = cores, padded, 0
        self._work: list[asyncio.Task[None]] = []

    @property
    def waiting(self) -> int:
        """Tokens that wait to be encoded."""
        return self._waiting

    async def vectors(
        self, encoder: Encoder, side: Side, texts: Sequence[str], tokens: Sequence[int]
    ) -> Vectors:
        """Vectors (n, d) of texts, of which `tokens` says how many are read of each.

        What is being encoded for another caller is waited for, not encoded again. A caller who is
        cancelled gives up the place of what nobody else waits for. Raises Refused where too much
        waits already, where patience ends, and where the encoder fails.
        """
        keys: list[Key] = [(encoder.stamp, side, bytes(key)) for key in keys_of(texts)]
        found = {key: row for key in keys if (row := self._recent.get(key)) is not None}
        self._meters.looked_up(len(keys), len(found))
        missing = {
            key: (text, count)
            for key, text, count in zip(keys, texts, tokens, strict=True)
            if key not in found
        }
        if missing:
            asked = self._ask(encoder, side, missing)
            try:
                await self._answered(asked)
                found |= {text.key: text.vector.result() for text in asked}
            finally:
                self._leave(asked)
        return np.stack([found[key] for key in keys])

    async def close(self) -> None:
        """Ends once all that waits is encoded."""
        while self._waited_for:
            await asyncio.wait([text.vector for text in self._waited_for.values()])
        for work in self._work:
            work.cancel()
        self._threads.shutdown(wait=False)

    def _ask(self, encoder: Encoder, side: Side, missing: dict[Key, tuple[str, int]]) -> list[Text]:
        fresh = {key: each for key, each in missing.items() if key not in self._waited_for}
        self._admit(sum(count for _, count in fresh.values()))
        loop, here = asyncio.get_running_loop(), self._spans.here()
        for key, (text, count) in fresh.items():
            self._waited_for[key] = Text(key, text, count, loop.create_future(), here)
        asked = [self._waited_for[key] for key in missing]
        for each in asked:
            each.wanted += 1
        if fresh:
            lane = self._lanes.setdefault(
                (encoder.stamp, side), Lane(encoder, side, self.limits.batch)
            )
            lane.add(self._waited_for[key] for key in fresh)
            self._ready.set()
        if not self._work:
            self._work = [loop.create_task(self._encode_all()) for _ in range(self._cores)]
        return asked

    def _admit(self, tokens: int) -> None:
        if self._waiting and self._waiting + tokens > self.limits.waiting:
            self._meters.overloaded.inc()
            raise busy(
                f"{self._waiting} tokens wait to be encoded already, so this request was not taken "
                "in. Ask again after the time in Retry-After.",
                seconds=self._waiting / self._rate,
            )
        self._count(tokens)

    def _count(self, tokens: int) -> None:
        self._waiting += tokens
        self._meters.waiting.inc(tokens)

    async def _answered(self, asked: Sequence[Text]) -> None:
        waited = {text.vector for text in asked}
        _, late = await asyncio.wait(
            waited, timeout=self.limits.patience, return_when=asyncio.FIRST_EXCEPTION
        )
        failed = any(future.done() and future.exception() for future in waited)
        if late and not failed:
            raise busy(
                f"The vectors were not there after {self.limits.patience:g} seconds. Ask again, or "
                "for fewer texts at once.",
                seconds=self._waiting / self._rate,
            )
        if failed:
            raise next(error for f in waited if f.done() and (error := f.exception()))

    def _leave(self, asked: Iterable[Text]) -> None:
        for text in asked:
            text.wanted -= 1
            if not text.wanted and not text.begun:
                del self._waited_for[text.key]
                text.vector.cancel()
                self._count(-text.tokens)
                self._left += 1
        if self._left > max(_FORGOTTEN, len(self._waited_for)):
            for lane in self._lanes.values():
                lane.forget()
            self._left = 0

    async def _encode_all(self) -> None:
        took = 0.0
        while True:
            await self._ready.wait()
            if self._busy and self._waiting - self._encoding < (self._padded or self.limits.batch):
                # who was just answered may ask again: fewer, larger batches
                await asyncio.sleep(min(took * _LINGER, _LONGEST))
            lane, texts = self._next()
            if lane is None:
                self._ready.clear()
                continue
            took = await self._encode_batch(lane, texts)

    async def _encode_batch(self, lane: Lane, texts: Sequence[Text]) -> float:
        """Encodes a batch; gives the seconds it took."""
        began, tokens = time.perf_counter(), sum(text.tokens for text in texts)
        self._meters.began_batch(len(texts), tokens)
        self._busy += 1
        self._encoding += tokens
        counts, asked = {"texts": len(texts), "tokens": tokens}, (text.asked_in for text in texts)
        try:
            with self._spans.step("batch", counts, asked):
                await self._encode(lane, texts, failures=len(texts).bit_length() + 1)
        finally:
            took = time.perf_counter() - began
            self._rate += 0.1 * (tokens * self._busy / max(took, 1e-4) - self._rate)
            self._encoding -= tokens
            self._busy -= 1
        return took

    def _next(self) -> tuple[Lane | None, list[Text]]:
        """The next batch, of the lane that has waited longest."""
        most = self._padded and min(self._padded, max(_LEAST, self._waiting // self._cores))
        while self._lanes:
            key, lane = self._lanes.popitem(last=False)
            if texts := lane.take(most):
                self._lanes[key] = lane
                return lane, texts
        return None, []

    async def _encode(self, lane: Lane, texts: Sequence[Text], failures: int) -> int:
        """Encodes a batch; one that fails in halves, so that who asked for what is good gets it.

        After so many `failures` it is the encoder that fails, and all that is left fails with it.
        Gives how many more may be borne.
        """
        loop = asyncio.get_running_loop()
        try:
            with self._spans.step("encode", {"texts": len(texts)}):
                vectors = await loop.run_in_executor(self._threads, self._computed, lane, texts)
        except _EncodingError as broken:
            logger.warning("%s failed on %d texts: %s", lane.encoder.name, len(texts), broken)
            if len(texts) == 1 or failures <= 1:
                self._done(texts, [_failed(lane.encoder)] * len(texts))
                return failures - 1
            half = len(texts) // 2
            left = await self._encode(lane, texts[:half], failures - 1)
            return await self._encode(lane, texts[half:], left)
        self._done(texts, vectors)
        return failures

    def _computed(self, lane: Lane, texts: Sequence[Text]) -> Vectors:
        """A batch's vectors, from a thread. Raises _EncodingError, whatever is wrong with them."""
        try:
            vectors = self._kept(lane.encoder, lane.side, [text.text for text in texts])
        except BaseException as error:  # who waits must hear of an exit or a StopIteration too
            raise _EncodingError(type(error).__name__) from None
        if len(vectors) != len(texts):
            raise _EncodingError(f"{len(vectors)} vectors")
        return vectors

    def _done(self, texts: Sequence[Text], answers: Iterable[Vectors | Refused]) -> None:
        for text, answer in zip(texts, answers, strict=True):
            del self._waited_for[text.key]
            self._count(-text.tokens)
            if isinstance(answer, Refused):
                text.vector.set_exception(answer)
                text.vector.exception()  # whoever waited may have gone: that is no mistake
            else:
                self._recent.keep(text.key, answer)
                text.vector.set_result(answer)


def _failed(encoder: Encoder) -> Refused:
    return Refused(
        f"The encoder '{encoder.name}' gave no vector that can be used for a text of this request. "
        "Ask again; if it fails each time, leave texts out until it does not.",
        Reason(502, "encoder_failed", kind="server_error"),
    )
