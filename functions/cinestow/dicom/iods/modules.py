"""The modules that the IODs share (PS3.3 C.7, C.12), each filling in its attributes of a dataset.

They find in the dataset what the metadata gave. Type 2 attributes that nobody gave are present and
empty; type 3 attributes are absent when there is nothing to say.
"""

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.valuerep import format_number_as_ds

import cinestow
from cinestow.dicom.codes import LOSSY_COMPRESSION, PROCESSING_EQUIPMENT, UNKNOWN
from cinestow.dicom.model import BitStream

OUR_NAME = "Cinestow"
_CHANNEL_MODES = {1: "MONO", 2: "STEREO"}
_DEVICE = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "DeviceUID")


def patient(dataset: Dataset, _: BitStream) -> None:
    """C.7.1.1."""
    _empty_if_absent(dataset, "PatientName", "PatientID", "PatientBirthDate", "PatientSex")


def general_study(dataset: Dataset, _: BitStream) -> None:
    """C.7.2.1."""
    _empty_if_absent(
        dataset, "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"
    )


def general_series(dataset: Dataset, _: BitStream) -> None:
    """C.7.3.1."""
    _empty_if_absent(dataset, "SeriesNumber")


def general_equipment(dataset: Dataset, _: BitStream) -> None:
    """C.7.5.1: the device that recorded, when anything of it is known; else ourselves."""
    if any(keyword in dataset for keyword in _DEVICE):
        _empty_if_absent(dataset, "Manufacturer")
    else:
        _ourselves(dataset)


def general_acquisition(dataset: Dataset, stream: BitStream) -> None:
    """C.7.10.1; the times are those of ``times.describe_times``."""
    dataset.AcquisitionDuration = float(stream.duration_s)


def general_image(dataset: Dataset, stream: BitStream) -> None:
    """C.7.6.1: original, though compressed: nobody is expected to read it differently."""
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    _empty_if_absent(dataset, "InstanceNumber", "PatientOrientation")
    dataset.LossyImageCompression = "01" if stream.lossy else "00"
    if stream.lossy:
        dataset.LossyImageCompressionRatio = [
            format_number_as_ds(round(step.ratio, 2)) for step in stream.lossy
        ]
        dataset.LossyImageCompressionMethod = [step.method for step in stream.lossy]
    if len(stream.lossy) > 1:
        methods = ", then ".join(step.method for step in stream.lossy)
        dataset.DerivationDescription = f"Lossy compression: {methods}"
        dataset.DerivationCodeSequence = [LOSSY_COMPRESSION.item()]


def cine(dataset: Dataset, stream: BitStream) -> None:
    """C.7.6.5. Without sound, Multiplexed Audio Channels Description Code Sequence (2C) is absent.

    It is required where the bit stream contains audio channels. A note (C.7.6.5.1.3) has it present
    and empty without any; dciodvfy holds an empty one for an error. The source of sound is unknown.
    """
    dataset.FrameTime = format_number_as_ds(float(stream.frame_time_ms))
    dataset.EffectiveDuration = format_number_as_ds(float(stream.duration_s))
    if rate := round(1000 / stream.frame_time_ms):
        dataset.CineRate = rate
        dataset.RecommendedDisplayFrameRate = rate
    if stream.sound_channels:
        channel = Dataset()
        channel.ChannelIdentificationCode = 1
        channel.ChannelMode = _CHANNEL_MODES[stream.sound_channels]
        channel.ChannelSourceSequence = [UNKNOWN.item()]
        dataset.MultiplexedAudioChannelsDescriptionCodeSequence = [channel]


def multi_frame(dataset: Dataset, stream: BitStream) -> None:
    """C.7.6.6."""
    dataset.NumberOfFrames = stream.frames
    dataset.FrameIncrementPointer = Tag("FrameTime")
    dataset.EncapsulatedPixelDataValueTotalLength = stream.bytes


def image_pixel(dataset: Dataset, stream: BitStream) -> None:
    """C.7.6.3, as PS3.5 8.2.5 and following ask of 8 bit video."""
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "YBR_PARTIAL_420"
    dataset.PlanarConfiguration = 0
    dataset.Rows = stream.rows
    dataset.Columns = stream.columns
    dataset.BitsAllocated = 8
    dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0


def acquisition_context(dataset: Dataset, _: BitStream) -> None:
    """C.7.6.14: nothing is known of it."""
    dataset.AcquisitionContextSequence = []


def sop_common(dataset: Dataset, _: BitStream) -> None:
    """C.12.1; the UIDs are set by ``instance.build``."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    step = Dataset()
    step.PurposeOfReferenceCodeSequence = [PROCESSING_EQUIPMENT.item()]
    _ourselves(step)
    step.ContributionDescription = "Recording converted to a DICOM video instance"
    dataset.ContributingEquipmentSequence = [step]


def _ourselves(dataset: Dataset) -> None:
    dataset.Manufacturer = OUR_NAME
    dataset.ManufacturerModelName = OUR_NAME
    dataset.SoftwareVersions = cinestow.__version__


def _empty_if_absent(dataset: Dataset, *keywords: str) -> None:
    for keyword in keywords:
        if keyword not in dataset:
            setattr(dataset, keyword, None)
