import unittest

from parcels.parcel import Parcel
from parcels.quote import Line, quote

PARCEL = Parcel(1250, 300, 200, 100)


class QuoteTest(unittest.TestCase):
    def test_postage_is_the_first_line(self):
        offer = quote(PARCEL, "FR")
        self.assertEqual(offer.lines[0], Line("Postage", 1240))

    def test_express_costs_half_as_much_again(self):
        offer = quote(PARCEL, "FR", express=True)
        self.assertIn(Line("Express", 620), offer.lines)
        self.assertEqual(offer.total, 1860)
