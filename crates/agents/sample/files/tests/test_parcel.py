import unittest

from parcels.parcel import Parcel


def flat(grams):
    """A parcel whose volume does not matter."""
    return Parcel(grams, 200, 100, 10)


class ParcelTest(unittest.TestCase):
    def test_a_started_step_counts_as_a_full_one(self):
        self.assertEqual(flat(501).billable_grams, 600)
        self.assertEqual(flat(599).billable_grams, 600)

    def test_a_full_step_is_not_rounded_up(self):
        self.assertEqual(flat(500).billable_grams, 500)

    def test_a_large_parcel_is_billed_by_its_volume(self):
        self.assertEqual(Parcel(900, 400, 300, 201).billable_grams, 4900)
