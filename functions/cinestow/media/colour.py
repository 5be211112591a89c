"""Colour descriptions of the output, by the matrix that the recording's pictures use."""

from dataclasses import dataclass

from cinestow.media.model import Matrix


@dataclass(frozen=True)
class Colour:
    """Code points of ITU-T H.273 and libswscale's name of the matrix."""

    primaries: int
    transfer: int
    matrix: int
    filter_name: str

    @property
    def codes(self) -> tuple[int, int, int]:
        """Primaries, transfer, matrix."""
        return self.primaries, self.transfer, self.matrix


COLOURS: dict[Matrix, Colour] = {
    "bt601": Colour(primaries=6, transfer=6, matrix=6, filter_name="smpte170m"),
    "bt709": Colour(primaries=1, transfer=1, matrix=1, filter_name="bt709"),
    "bt2020": Colour(primaries=9, transfer=14, matrix=9, filter_name="bt2020nc"),
}
