"""LanguageModel: questions by a model that the user names, behind an OpenAI-compatible address."""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tunewise.encoders.cache import cache_folder
from tunewise.encoders.endpoint import client_for, place_of
from tunewise.encoders.requests import Patience, post, refused
from tunewise.errors import EncoderError, OptionError
from tunewise.files import write_text
from tunewise.progress import Progress, silent

ASKED = (
    "Read the text below. Write two different questions that somebody who has never seen it "
    "might type into a search box, and that it answers. Ask for what they need, in the words of "
    "somebody who does not know the text's own, and in its language. Do not mention the text. "
    "Answer with a JSON list of two strings and nothing else.\n\nText:\n"
)
"""What the model is told before each text."""

MOST_QUESTIONS = 2
_SENT = 4000  # characters of a document
_AT_ONCE = 4  # requests in flight
_HOPELESS = 20  # answers without a question, with none before them, after which it is given up
_LONGEST, _SHORTEST = 300, 6  # characters of a question
_PATH = "/chat/completions"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LanguageModel:
    """A model that answers POST {url}/chat/completions as OpenAI's do.

    The key comes from TUNEWISE_API_KEY or OPENAI_API_KEY, as for a hosted encoder, and is never
    written anywhere. Answers are kept in the cache folder by address, model, prompt and text, so
    that work that was interrupted goes on where it was. Raises OptionError for an address that is
    none, or a model without a name.
    """

    url: str
    name: str
    cache: Path | None = None
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        if not self.name:
            raise OptionError("The language model has no name. Give --llm-model NAME (llm_model=).")
        place_of(self._base, _PATH)

    @property
    def _base(self) -> str:
        return self.url.rstrip("/").removesuffix(_PATH)

    @property
    def place(self) -> str:
        """Host, port and path, which hold no secret."""
        return place_of(self._base, _PATH)

    def questions(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> Iterator[tuple[str, ...]]:
        """The questions for each text, in order; none where the answer held none.

        Before anything is sent, `progress` is told how many texts and characters will be. Raises
        EncoderError when the endpoint says no for good or does not answer, and when the first
        twenty answers hold no question.
        """
        sent = [text for text in texts if not self._kept(text).is_file()]
        letters = sum(min(len(text), _SENT) for text in sent)
        what = (
            f"asking {self.name} at {self.place}: {len(sent):,} documents, {letters:,} "
            "characters are sent"
        )
        progress(what, 0, len(texts))
        logger.info("%s", what)
        found = 0
        pool = ThreadPoolExecutor(_AT_ONCE)
        with client_for(self._endpoint, self.patience) if sent else nullcontext() as client:
            try:
                answers = pool.map(partial(self._answer, client), texts)
                for done, answer in enumerate(answers, start=1):
                    questions = read_questions(answer)
                    found += len(questions)
                    if done == _HOPELESS and not found:
                        raise self._hopeless(answer)
                    progress(what, done, len(texts))
                    yield questions
            finally:
                pool.shutdown(cancel_futures=True)  # what waits is not sent after an error

    @property
    def _endpoint(self) -> str:
        return self._base.rstrip("/") + _PATH

    def _kept(self, text: str) -> Path:
        said = "\x1f".join((self.place, self.name, ASKED, text[:_SENT]))
        digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return cache_folder(self.cache) / "answers" / digest[:2] / f"{digest}.txt"

    def _answer(self, client: Any, text: str) -> str:
        kept = self._kept(text)
        if kept.is_file():
            return kept.read_text(encoding="utf-8")
        body = {
            "model": self.name,
            "messages": [{"role": "user", "content": ASKED + text[:_SENT]}],
        }
        response = post(client, self._endpoint, body, self.patience)
        if response.status_code != 200:
            raise refused(self._endpoint, response)
        answer = _content(self._endpoint, response)
        write_text(kept, answer)
        return answer

    def _hopeless(self, answer: str) -> EncoderError:
        shown = " ".join(answer.split())[:120]
        return EncoderError(
            f"{self.name} answered {_HOPELESS} documents and no answer held a question (the last: "
            f"'{shown}'). Choose a model that follows instructions; its answers are kept."
        )


def read_questions(answer: str) -> tuple[str, ...]:
    r"""The questions in a model's answer, at most two, whatever it wrote around them.

    >>> read_questions('Sure! ```json\n["How tall is it?", "Who built it?"]\n```')
    ('How tall is it?', 'Who built it?')
    >>> read_questions("1. How tall is it?\n2. Who built it?")
    ('How tall is it?', 'Who built it?')
    >>> read_questions("I cannot help with that.")
    ()
    """
    answer = re.sub(r"<think>.*?(</think>|\Z)", "", answer, flags=re.DOTALL)
    listed = _listed(answer)
    if listed is None:
        lines = [re.sub(r"^[\s>*•\-]*(?:Q?\d+[.):]\s*)?", "", one) for one in answer.splitlines()]
        listed = [line for line in lines if re.search(r"[?？؟]\W*$", line)]
    tidied = [" ".join(one.strip(" \t\"'“”*").split()) for one in listed]
    fit = [one for one in tidied if _SHORTEST <= len(one) <= _LONGEST]
    return tuple(dict.fromkeys(fit))[:MOST_QUESTIONS]


def _listed(answer: str) -> list[str] | None:
    """The strings of the JSON in an answer, bare or within an object; None if there is none."""
    found = re.search(r"\[.*\]", answer, re.DOTALL)
    try:
        value = json.loads(found[0]) if found else None
    except ValueError:
        return None
    if not isinstance(value, list):
        return None
    plain = [one.get("question", "") if isinstance(one, dict) else one for one in value]
    return [one for one in plain if isinstance(one, str)]


def _content(url: str, response: Any) -> str:
    try:
        content = response.json()["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as wrong:
        raise EncoderError(
            f"The endpoint {url} answered with something else than a chat completion. Check that "
            "it is OpenAI-compatible, and that the address ends where '/chat/completions' is added."
        ) from wrong
    return content if isinstance(content, str) else ""
