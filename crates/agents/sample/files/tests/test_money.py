import unittest

from parcels.errors import Refused
from parcels.money import format_amount, parse_amount


class MoneyTest(unittest.TestCase):
    def test_amounts_are_read(self):
        for text, cents in [("0", 0), ("12", 1200), ("12.5", 1250), (" 12.05 ", 1205)]:
            self.assertEqual(parse_amount(text), cents, text)

    def test_other_texts_are_refused(self):
        for text in ["", "-1", "1,50", "1.505", "1e3", "ten"]:
            with self.assertRaises(Refused, msg=text):
                parse_amount(text)

    def test_amounts_are_written(self):
        self.assertEqual([format_amount(cents) for cents in (0, 5, 1250, -199)], ["0.00", "0.05", "12.50", "-1.99"])
