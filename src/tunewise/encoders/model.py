"""A sentence-transformers model from its folder, loaded safely and quietly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tunewise.errors import EncoderError


def load_model(folder: Path, device: str | None = None) -> Any:
    """The sentence-transformers model in a folder, in fp32, on this device or the best there is.

    Raises EncoderError for a folder that holds none.
    """
    from sentence_transformers import SentenceTransformer

    mend = "Copy or download it again, or save it again with a current sentence-transformers."
    return load_safely(SentenceTransformer, folder, called="model", mend=mend, device=device)


def load_safely(
    kind: Callable[..., Any], folder: Path, *, called: str, mend: str, device: str | None = None
) -> Any:
    """A model of sentence-transformers from a folder, by its class; safetensors, and no code of it.

    Raises EncoderError, which says what it is `called` and how to `mend` it.
    """
    from safetensors import SafetensorError

    try:
        with no_bars():
            model = kind(
                str(folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
    except (
        *(OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, ImportError),
        SafetensorError,
    ) as error:
        raise EncoderError(
            f"The {called} in '{folder}' cannot be loaded: {error}. {mend}"
        ) from error
    return model.float().eval()


@contextmanager
def no_bars() -> Iterator[None]:
    """Keeps transformers from drawing progress bars of its own."""
    from transformers.utils import logging as bars

    drawn = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            bars.enable_progress_bar()
