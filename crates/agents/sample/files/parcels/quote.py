"""What a customer pays, line by line."""

from dataclasses import dataclass
from typing import List

from parcels import rates


@dataclass(frozen=True)
class Line:
    label: str
    cents: int


@dataclass(frozen=True)
class Quote:
    country: str
    grams: int
    lines: List[Line]

    @property
    def total(self):
        return sum(line.cents for line in self.lines)


def quote(parcel, to, express=False):
    """The quote for a parcel to a country, given by its two letters."""
    name, zone = rates.country(to)
    grams = parcel.billable_grams
    lines = [Line("Postage", rates.postage(zone, grams))]
    if express:
        lines.append(Line("Express", (lines[0].cents + 1) // 2))
    return Quote(name, grams, lines)
