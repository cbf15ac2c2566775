import contextlib
import io
import unittest

from parcels.cli import main

GIVEN = ["--to", "FR", "--weight", "1.25", "--size", "30x20x10"]


def run(*argv):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(list(argv))
    return status, out.getvalue(), err.getvalue()


class CliTest(unittest.TestCase):
    maxDiff = None

    def test_the_receipt(self):
        status, out, _ = run(*GIVEN)
        self.assertEqual(status, 0)
        self.assertEqual(
            out,
            "Parcel to France, 1.3 kg\n"
            "  Postage         12.40\n"
            "  Total           12.40\n",
        )

    def test_the_receipt_for_express(self):
        _, out, _ = run(*GIVEN, "--express")
        self.assertEqual(
            out,
            "Parcel to France, 1.3 kg\n"
            "  Postage         12.40\n"
            "  Express          6.20\n"
            "  Total           18.60\n",
        )

    def test_what_cannot_be_had_ends_with_status_2(self):
        status, out, err = run("--to", "XX", "--weight", "1", "--size", "10x10x10")
        self.assertEqual((status, out), (2, ""))
        self.assertEqual(err, "parcels: No parcels go to 'XX'.\n")
