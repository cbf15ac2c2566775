"""Where parcels go, and what a weight costs there."""

from parcels.errors import Refused

COUNTRIES = {
    "AT": ("Austria", 1),
    "BE": ("Belgium", 1),
    "DE": ("Germany", 1),
    "FR": ("France", 2),
    "IT": ("Italy", 2),
    "PT": ("Portugal", 2),
    "NO": ("Norway", 3),
    "JP": ("Japan", 4),
    "US": ("United States", 4),
}

# By zone: up to so many grams, so many cents.
RATES = {
    1: [(500, 490), (1000, 590), (2000, 790), (5000, 1090), (20000, 1890)],
    2: [(500, 790), (1000, 990), (2000, 1240), (5000, 1690), (20000, 3190)],
    3: [(500, 1190), (1000, 1490), (2000, 1890), (5000, 2690), (20000, 5290)],
    4: [(500, 1690), (1000, 2290), (2000, 3290), (5000, 5490), (20000, 12900)],
}


def country(code):
    """The name and the zone of a country."""
    try:
        return COUNTRIES[code.upper()]
    except KeyError:
        raise Refused(f"No parcels go to {code!r}.") from None


def postage(zone, grams):
    """The price in cents of a billable weight."""
    for limit, cents in RATES[zone]:
        if grams <= limit:
            return cents
    limit = RATES[zone][-1][0]
    raise Refused(f"A parcel weighs {limit // 1000} kg at most.")
