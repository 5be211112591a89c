"""What DICOM's H.264 transfer syntaxes demand of a sequence parameter set.

Sources: PS3.5 8.2.7 and 8.2.9 (High Profile at Level 4.1 and 4.2), ITU-T H.264 table A-1.
"""

from dataclasses import dataclass
from fractions import Fraction

from cinestow.errors import AlarmRaised
from cinestow.media.h264 import SequenceParameters, parse_sps
from cinestow.media.model import Plan
from cinestow.media.plan import LEVEL_41, LEVEL_42, Level

HIGH_PROFILE = 100
CHROMA_420 = 1
SQUARE = 1


@dataclass(frozen=True)
class _Demand:
    """What tells two of the transfer syntaxes apart."""

    level_idc: int
    level: Level
    reference_macroblocks: int
    """``MaxDpbMbs``."""


_DEMANDS = {
    "MPEG4HP41": _Demand(level_idc=41, level=LEVEL_41, reference_macroblocks=32_768),
    "MPEG4HP422D": _Demand(level_idc=42, level=LEVEL_42, reference_macroblocks=34_816),
}
"""By pydicom's keyword."""


def demand_conformance(sps: bytes, plan: Plan, colour: tuple[int, int, int]) -> None:
    """Read an encoder's SPS back and hold it against the plan.

    ``colour`` is primaries, transfer and matrix (ITU-T H.273). Raises ``AlarmRaised`` naming every
    departure: encoders take impossible settings with no more than a line in their log.
    """
    parameters = parse_sps(sps)
    found = _statements(parameters)
    expected = _demands(plan, colour)
    wrong = [
        f"{name} is {found[name]}, not {expected[name]}"
        for name in expected
        if found[name] != expected[name]
    ]
    wrong += _over_level(parameters, _DEMANDS[plan.transfer_syntax], plan.frame_rate.value)
    if wrong:
        raise AlarmRaised(f"the encoder's SPS breaks {plan.transfer_syntax}: {'; '.join(wrong)}")


def _demands(plan: Plan, colour: tuple[int, int, int]) -> dict[str, object]:
    return {
        "profile": HIGH_PROFILE,
        "level": _DEMANDS[plan.transfer_syntax].level_idc,
        "size": (plan.width, plan.height),
        "chroma format": CHROMA_420,
        "bit depth": 8,
        "frame_mbs_only": True,
        "full range": False,
        "colour": colour,
        "sample aspect": SQUARE,
        "frame rate": plan.frame_rate.value,
        "fixed frame rate": True,
        "NAL HRD": True,
    }


def _statements(sps: SequenceParameters) -> dict[str, object]:
    vui = sps.vui
    return {
        "profile": sps.profile_idc,
        "level": sps.level_idc,
        "size": (sps.width, sps.height),
        "chroma format": sps.chroma_format_idc,
        "bit depth": sps.bit_depth,
        "frame_mbs_only": sps.frame_mbs_only,
        "full range": vui and vui.full_range,
        "colour": vui and vui.colour,
        "sample aspect": vui and vui.sample_aspect,
        "frame rate": Fraction(vui.tick[1], 2 * vui.tick[0]) if vui and vui.tick else None,
        "fixed frame rate": vui and vui.fixed_frame_rate,
        "NAL HRD": vui and vui.nal_hrd,
    }


def _over_level(sps: SequenceParameters, demand: _Demand, rate: Fraction) -> list[str]:
    level = demand.level
    measured: dict[str, tuple[Fraction | int, int]] = {
        "macroblocks a second": (sps.macroblocks * rate, level.macroblocks_per_second),
        "macroblocks a frame": (sps.macroblocks, level.macroblocks),
        "macroblocks of reference frames": (
            sps.macroblocks * sps.reference_frames,
            demand.reference_macroblocks,
        ),
    }
    return [
        f"{float(used):.0f} {name}, at most {most} allowed"
        for name, (used, most) in measured.items()
        if used > most
    ]
