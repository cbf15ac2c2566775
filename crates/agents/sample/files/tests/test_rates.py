import unittest

from parcels import rates
from parcels.errors import Refused


class RatesTest(unittest.TestCase):
    def test_countries_are_found_by_their_letters(self):
        self.assertEqual(rates.country("fr"), ("France", 2))
        with self.assertRaisesRegex(Refused, "'XX'"):
            rates.country("XX")

    def test_a_limit_belongs_to_its_rate(self):
        self.assertEqual(rates.postage(1, 500), 490)
        self.assertEqual(rates.postage(1, 600), 590)

    def test_too_heavy_is_refused(self):
        with self.assertRaisesRegex(Refused, "20 kg"):
            rates.postage(4, 20100)

    def test_more_weight_never_costs_less(self):
        for zone, table in rates.RATES.items():
            self.assertEqual(table, sorted(table), zone)
