"""A dataset built: metadata, bit stream and identity put into the modules of an IOD."""

from copy import deepcopy
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import UID

from cinestow.dicom.anatomy import describe_anatomy
from cinestow.dicom.iods.registry import choose
from cinestow.dicom.model import BitStream, Identity
from cinestow.dicom.times import describe_times


def build(
    metadata: Dataset,
    stream: BitStream,
    identity: Identity,
    recorded_at: datetime,
    sop_class: UID | None = None,
) -> Dataset:
    """The instance without its Pixel Data; the same arguments always give the same dataset.

    Parameters
    ----------
    recorded_at
        Aware time at which the recording's object was created; stands in for an acquisition time
        that the metadata does not tell.
    sop_class
        None: chosen by Modality (ES, US; XC, which is also assumed when none is given).

    Raises ``InputRefused`` when the modality does not go with the SOP class.
    """
    iod = choose(metadata.get("Modality"), sop_class)
    dataset = deepcopy(metadata)
    describe_times(dataset, recorded_at)
    describe_anatomy(dataset)
    dataset.Modality = iod.modality
    dataset.SOPClassUID = iod.sop_class
    dataset.SOPInstanceUID = identity.sop_instance
    dataset.StudyInstanceUID = identity.study
    dataset.SeriesInstanceUID = identity.series
    for fill_in in iod.modules:
        fill_in(dataset, stream)
    return dataset
