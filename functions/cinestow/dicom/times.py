"""When it was: acquisition, content, study and creation times, and the time zone they are in.

Timezone Offset From UTC (PS3.3 C.12.1.1.8) speaks for every time in the dataset, so it is only
written when it is true of those that came with the metadata.
"""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from pydicom.dataset import Dataset

from cinestow.dicom.uids import is_of_an_order

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_UNSHIFTED = frozenset({"PatientBirthDate", "PatientBirthTime", "LastMenstrualDate"})


def describe_times(dataset: Dataset, recorded_at: datetime) -> None:
    """Fill in what the metadata does not tell, from ``recorded_at`` (aware, to the minute).

    An acquisition time of the metadata always wins. Creation is ``recorded_at`` itself: the UID is
    assigned by the object's creation, and a later redelivery changes nothing.
    """
    zone = _zone(dataset, recorded_at)
    acquired = _given_acquisition(dataset, zone)
    if zone is not None:
        created = recorded_at.astimezone(zone)
        dataset.TimezoneOffsetFromUTC = f"{created:%z}"
        dataset.InstanceCreationDate, dataset.InstanceCreationTime = _date_and_time(created)
        acquired = acquired or "".join(_date_and_time(created))
    if acquired is None:
        date, time = _date_and_time(recorded_at.astimezone(UTC))
        dataset.AcquisitionDateTime = f"{date}{time}+0000"
    else:
        dataset.setdefault("AcquisitionDateTime", acquired)
        _default_dates(dataset, acquired)
    if "InstanceNumber" not in dataset:
        dataset.InstanceNumber = _number(_instant(acquired, zone) if acquired else recorded_at)


def _default_dates(dataset: Dataset, acquired: str) -> None:
    date, time = acquired[:8], acquired[8:]
    if "ContentDate" not in dataset and "ContentTime" not in dataset and time:
        dataset.ContentDate = date
        dataset.ContentTime = time
    if "StudyInstanceUID" in dataset or "StudyDate" in dataset:
        return
    dataset.StudyDate = date
    if "StudyTime" not in dataset and not is_of_an_order(dataset):
        dataset.StudyTime = time or None


def _date_and_time(moment: datetime) -> tuple[str, str]:
    return f"{moment:%Y%m%d}", moment.strftime("%H%M%S.%f" if moment.microsecond else "%H%M%S")


def _given_acquisition(dataset: Dataset, zone: tzinfo | None) -> str | None:
    """Date and time in the dataset's zone, as precise as given: YYYYMMDD[HHMMSS.FFFFFF]."""
    if moment := dataset.get("AcquisitionDateTime"):
        digits, offset = _split_offset(str(moment))
        if offset and zone and len(digits) > 8:
            return "".join(_date_and_time(_instant(digits, _timezone(offset)).astimezone(zone)))
        return digits
    if date := dataset.get("AcquisitionDate"):
        return f"{date}{dataset.get('AcquisitionTime', '')}"
    return None


def _instant(acquired: str, zone: tzinfo | None) -> datetime:
    whole, _, fraction = acquired.partition(".")
    moment = datetime.strptime(whole.ljust(14, "0"), "%Y%m%d%H%M%S")
    return moment.replace(microsecond=int(fraction.ljust(6, "0")), tzinfo=zone or UTC)


def _split_offset(moment: str) -> tuple[str, str]:
    for sign in "+-":
        before, found, after = moment.partition(sign)
        if found:
            return before, sign + after
    return moment, ""


def _zone(dataset: Dataset, recorded_at: datetime) -> tzinfo | None:
    """The zone of the dataset's times; None if it has times whose zone nobody told."""
    own = _split_offset(str(dataset.get("AcquisitionDateTime", "")))[1]
    told = dataset.get("TimezoneOffsetFromUTC")
    if told:
        return _timezone(str(told))
    others = [
        e
        for e in dataset.iterall()
        if e.VR in ("DA", "TM", "DT") and e.keyword not in _UNSHIFTED | {"AcquisitionDateTime"}
    ]
    if others or ("AcquisitionDateTime" in dataset and not own):
        return None
    if own:
        return _timezone(own)
    return recorded_at.tzinfo


def _timezone(offset: str) -> tzinfo:
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _number(acquired: datetime) -> int | None:
    """Seconds since 2000: rises with acquisition time, for uploads that know nothing of others."""
    seconds = int((acquired - _EPOCH).total_seconds())
    return seconds if abs(seconds) < 2**31 else None
