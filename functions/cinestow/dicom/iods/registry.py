"""The IODs that Cinestow builds, and which one an instance is."""

from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    UltrasoundMultiFrameImageStorage,
    VideoEndoscopicImageStorage,
    VideoPhotographicImageStorage,
)

from cinestow.dicom.iods import modules
from cinestow.dicom.model import BitStream
from cinestow.dicom.values import refused
from cinestow.errors import InputRefused, RefusalCode

Module = Callable[[Dataset, BitStream], None]


@dataclass(frozen=True)
class Iod:
    """A SOP class, the one Modality it may have, and its modules.

    VL Image (C.8.12.1) and US Image (C.8.5.6) ask for nothing that General Image, Image Pixel and
    the described anatomy do not already say of a video.
    """

    sop_class: UID
    modality: str
    modules: tuple[Module, ...]


_SHARED: tuple[Module, ...] = (
    modules.patient,
    modules.general_study,
    modules.general_series,
    modules.general_equipment,
    modules.general_acquisition,
    modules.general_image,
    modules.image_pixel,
    modules.cine,
    modules.multi_frame,
    modules.sop_common,
)
_VIDEO: tuple[Module, ...] = (*_SHARED, modules.acquisition_context)

VIDEO_PHOTOGRAPHIC = Iod(VideoPhotographicImageStorage, "XC", _VIDEO)
VIDEO_ENDOSCOPIC = Iod(VideoEndoscopicImageStorage, "ES", _VIDEO)
ULTRASOUND = Iod(UltrasoundMultiFrameImageStorage, "US", _SHARED)

IODS = (VIDEO_PHOTOGRAPHIC, VIDEO_ENDOSCOPIC, ULTRASOUND)
MODALITIES = frozenset(iod.modality for iod in IODS)


def choose(modality: str | None, sop_class: UID | None) -> Iod:
    """The IOD of an instance; by its modality when no SOP class is asked for.

    Raises ``InputRefused`` when the SOP class is not built here, or does not go with the modality.
    """
    if sop_class is not None:
        iod = next((iod for iod in IODS if iod.sop_class == sop_class), None)
        if iod is None:
            sentence = f"{sop_class.name} instances cannot be made of a recording."
            raise InputRefused(RefusalCode.NOT_STORABLE, sentence)
        if modality in (None, iod.modality):
            return iod
        raise refused("Modality", f"expected {iod.modality} for {iod.sop_class.name}")
    if modality is None:
        return VIDEO_PHOTOGRAPHIC
    for iod in IODS:
        if iod.modality == modality:
            return iod
    raise refused("Modality", f"expected one of {', '.join(sorted(MODALITIES))}")
