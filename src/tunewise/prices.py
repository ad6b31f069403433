"""Prices: what things cost, each with its date and source, all of them the user's to replace."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from tunewise.errors import OptionError

ORIGINS: Mapping[str, str] = {
    "judgment": (
        "an assumption to be replaced: 30 seconds of somebody who knows the subject, at 30 an hour"
    ),
    "machine_hour": (
        "m7g.large (2 vCPU, 8 GiB), us-east-1, Linux on demand, as listed in June 2026: "
        "factualminds.com/blog/amazon-ec2-on-demand-pricing-instance-families-2026"
    ),
    "gigabyte_month": "an assumption to be replaced: solid-state storage beside a rented machine",
    "million_tokens": (
        "OpenAI text-embedding-3-small, standard tier, as listed on 3 July 2026: "
        "tokenprice.fyi/models/text-embedding-3-small"
    ),
    "watt": (
        "Cloud Carbon Footprint's averages for AWS, as read in November 2026, for that machine at "
        "full load, (2 vCPU x 3.5 W + 8 GiB x 0.392 W) x 1.135 for the building: "
        "cloudcarbonfootprint.org/docs/methodology"
    ),
}
"""Where each default comes from, or that it is an assumption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What things cost, in `currency`, and what a machine draws.

    `judgment`: one person deciding once whether a document answers a query. `machine_hour`: an
    hour of a machine with two cores. `gigabyte_month`: keeping 10⁹ bytes for a month.
    `million_tokens`: a hosted endpoint embedding a million tokens. `watt`: what the machine with
    two cores draws while it works. Whoever changes one price keeps the rest; whoever changes the
    currency changes all four that are money.

    Raises OptionError for a price that is negative, NaN or infinite.

    >>> Prices(judgment=0.5).judgment
    0.5
    """

    judgment: float = 0.25
    machine_hour: float = 0.0816
    gigabyte_month: float = 0.10
    million_tokens: float = 0.02
    watt: float = 11.5
    currency: str = "USD"

    def __post_init__(self) -> None:
        for name in ORIGINS:
            price = getattr(self, name)
            if not (math.isfinite(price) and price >= 0):
                raise OptionError(
                    f"The price {name}={price} cannot be reckoned with. Pass 0 or more."
                )

    def origin(self, name: str) -> str:
        """Where this price comes from: its source, or "given" if it is not the default.

        >>> Prices(judgment=0.5).origin("judgment")
        'given'
        """
        default = {field.name: field.default for field in fields(self)}[name]
        same = getattr(self, name) == default and (self.currency == "USD" or name == "watt")
        return ORIGINS[name] if same else "given"

    def flags(self) -> list[str]:
        """The words of a command that set these prices; what is as it would be anyway is left out.

        >>> Prices(judgment=0.5).flags()
        ['--price', 'judgment=0.5']
        """
        usual = Prices()
        given = [name for name in ORIGINS if getattr(self, name) != getattr(usual, name)]
        return [word for name in given for word in ("--price", f"{name}={getattr(self, name)}")]

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON: the currency, each price, and where each comes from."""
        return {
            "currency": self.currency,
            **{name: getattr(self, name) for name in ORIGINS},
            "origins": {name: self.origin(name) for name in ORIGINS},
        }
