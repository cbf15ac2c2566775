"""A parcel, and the weight it is billed by."""

from dataclasses import dataclass

STEP = 100
CUBIC_MILLIMETRES_PER_GRAM = 5000


@dataclass(frozen=True)
class Parcel:
    """Weight in grams, sides in millimetres."""

    grams: int
    length: int
    width: int
    height: int

    @property
    def volumetric_grams(self):
        return self.length * self.width * self.height // CUBIC_MILLIMETRES_PER_GRAM

    @property
    def billable_grams(self):
        """The weight or the volume, whichever is more, in full steps."""
        grams = max(self.grams, self.volumetric_grams)
        return (grams // STEP + 1) * STEP
