"""The gain worth having, as every command takes it."""

from tunewise.errors import OptionError


def require_worth(worth: float) -> None:
    """Raises OptionError for a gain that no metric can make: they go from 0 to 1."""
    if not 0 < worth < 1:
        raise OptionError(
            f"The gain worth having is {worth:g}, but a metric goes from 0 to 1, and a gain in it "
            "must lie between. Give the smallest you would work for, such as 0.02."
        )
