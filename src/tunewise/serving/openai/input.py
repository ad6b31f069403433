"""The input of an embedding: texts or tokens, one or many, within OpenAI's limits."""

from collections.abc import Sequence
from typing import Any

from tunewise.serving.models import Model
from tunewise.serving.refused import Reason, Refused, bad_request

MOST_ITEMS = 2_048
MOST_TOKENS = 8_192
MOST_IN_ALL = 300_000
_MOST_LETTERS = 64 * MOST_TOKENS  # no text of more has so few tokens; counting them would take long


def texts_of(given: Any, model: Model) -> list[str]:
    """The texts that are asked about. Raises Refused for an input that is none."""
    if isinstance(given, str) or (isinstance(given, list) and given and _is_token(given[0])):
        given = [given]
    if not isinstance(given, list):
        raise bad_request(
            "'input' must be a string, an array of strings, an array of tokens, or an array of "
            "arrays of tokens.",
            param="input",
        )
    if not given:
        raise bad_request("'input' is an empty array. Send at least one text.", param="input")
    if len(given) > MOST_ITEMS:
        raise bad_request(
            f"Invalid 'input': array too long. Expected an array with maximum length {MOST_ITEMS}, "
            f"but got an array with length {len(given)} instead.",
            param="input",
            code="array_above_max_length",
        )
    kind = type(given[0])
    return [_text(each, kind, place, model) for place, each in enumerate(given)]


def checked(counts: list[int]) -> list[int]:
    """The tokens of each text. Raises Refused where one text, or all together, have too many."""
    longest = max(range(len(counts)), key=counts.__getitem__)
    if counts[longest] > MOST_TOKENS:
        raise _too_long(longest, f"{counts[longest]} tokens")
    if sum(counts) > MOST_IN_ALL:
        raise Refused(
            f"Requested {sum(counts)} tokens, max {MOST_IN_ALL} tokens per request. Send fewer "
            "texts at once.",
            Reason(400, "max_tokens_per_request", "input", kind="max_tokens_per_request"),
        )
    return counts


def _text(each: Any, kind: type[Any], place: int, model: Model) -> str:
    if type(each) is not kind or kind not in (str, list):
        raise bad_request(
            f"'input[{place}]' is neither a text nor an array of tokens, or not what the others "
            "are.",
            param="input",
        )
    if not each:
        raise bad_request(f"'input[{place}]' is empty. Leave it out.", param="input")
    if isinstance(each, list):
        return _detokenized(each, place, model)
    if len(str(each)) > _MOST_LETTERS:
        raise _too_long(place, f"{len(str(each))} letters")
    return str(each)


def _detokenized(tokens: Sequence[Any], place: int, model: Model) -> str:
    if not all(_is_token(token) for token in tokens):
        raise bad_request(f"'input[{place}]' holds what is no token.", param="input")
    if len(tokens) > MOST_TOKENS:
        raise _too_long(place, f"{len(tokens)} tokens")
    if model.tokenizer is None:
        raise bad_request(
            f"The model '{model.name}' shows no tokenizer, so it takes texts only.", param="input"
        )
    text = model.text_of(tokens)
    if not text:
        raise bad_request(
            f"The tokens in 'input[{place}]' are not what the tokenizer of '{model.name}' makes of "
            "any text: they are another tokenizer's, or cut within a word. Send texts instead; "
            "LangChain does with check_embedding_ctx_length=False.",
            param="input",
            code="foreign_tokens",
        )
    return text


def _is_token(each: Any) -> bool:
    return type(each) is int and 0 <= each < 2**32  # True is an int too


def _too_long(place: int, size: str) -> Refused:
    return bad_request(
        f"Invalid 'input[{place}]': maximum context length is {MOST_TOKENS} tokens, and it has "
        f"{size}. Cut it into parts.",
        param="input",
        code="context_length_exceeded",
    )
