"""Amounts are whole cents; only this module knows how people write them."""

import re

from parcels.errors import Refused

AMOUNT = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?")


def parse_amount(text):
    """The cents in a text such as "12", "12.5" or "12.50"."""
    match = AMOUNT.fullmatch(text.strip())
    if match is None:
        raise Refused(f"{text!r} is not an amount such as 12.50.")
    euros, cents = match.groups()
    return int(euros) * 100 + int((cents or "0").ljust(2, "0"))


def format_amount(cents):
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"
