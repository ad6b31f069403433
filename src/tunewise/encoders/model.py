"""A sentence-transformers model from its folder, loaded safely and quietly."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tunewise.errors import EncoderError


def load_model(folder: Path, device: str | None = None) -> Any:
    """The sentence-transformers model in a folder, in fp32, on this device or the best there is.

    Raises EncoderError for a folder that holds none.
    """
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    try:
        with no_bars():
            model = SentenceTransformer(
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
            f"The model in '{folder}' cannot be loaded: {error}. "
            "Copy or download it again, or save it again with a current sentence-transformers."
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
