"""The gain worth having, as every command takes it."""

from tunewise.errors import OptionError

_LEAST = 1e-6  # millions of queries could not show less


def require_worth(worth: float) -> None:
    """Raises OptionError for a gain that no metric can make: they go from 0 to 1."""
    if not _LEAST <= worth < 1:
        raise OptionError(
            f"The gain worth having is {worth:g}, but a metric goes from 0 to 1, and a gain in it "
            f"must lie between, at {_LEAST:g} or more. Give the smallest you would work for: 0.02."
        )
