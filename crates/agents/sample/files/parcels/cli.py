"""The command: `python3 -m parcels --to FR --weight 1.25 --size 30x20x10`."""

import argparse
import re
import sys

from parcels.errors import Refused
from parcels.money import format_amount
from parcels.parcel import Parcel
from parcels.quote import quote


def parse_weight(text):
    """Grams from kilograms such as "1.25"."""
    match = re.fullmatch(r"(\d{1,4})(?:\.(\d{1,3}))?", text)
    if match is None:
        raise Refused(f"{text!r} is not a weight in kilograms such as 1.25.")
    kilograms, grams = match.groups()
    return int(kilograms) * 1000 + int((grams or "0").ljust(3, "0"))


def parse_size(text):
    """Millimetres from centimetres such as "30x20x10"."""
    match = re.fullmatch(r"(\d{1,3})x(\d{1,3})x(\d{1,3})", text)
    if match is None:
        raise Refused(f"{text!r} is not a size in centimetres such as 30x20x10.")
    return [int(side) * 10 for side in match.groups()]


def receipt(quote):
    rows = [(line.label, line.cents) for line in quote.lines] + [("Total", quote.total)]
    yield f"Parcel to {quote.country}, {quote.grams / 1000:.1f} kg"
    for label, cents in rows:
        yield f"  {label:<12}{format_amount(cents):>9}"


def arguments(argv):
    parser = argparse.ArgumentParser(prog="parcels", description="What does it cost to send a parcel?")
    parser.add_argument("--to", required=True, metavar="COUNTRY", help="two letters, such as FR")
    parser.add_argument("--weight", required=True, metavar="KG", help="such as 1.25")
    parser.add_argument("--size", required=True, metavar="CM", help="such as 30x20x10")
    parser.add_argument("--express", action="store_true", help="deliver on the next working day")
    return parser.parse_args(argv)


def main(argv):
    given = arguments(argv)
    try:
        parcel = Parcel(parse_weight(given.weight), *parse_size(given.size))
        offer = quote(parcel, given.to, express=given.express)
    except Refused as refused:
        print(f"parcels: {refused}", file=sys.stderr)
        return 2
    for line in receipt(offer):
        print(line)
    return 0
