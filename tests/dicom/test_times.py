"""Times and time zones of an instance."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydicom.dataset import Dataset

from cinestow.dicom.metadata import from_object_metadata
from cinestow.dicom.times import describe_times

RECORDED_AT = datetime(2025, 11, 21, 23, 30, 5, 250000, tzinfo=UTC)


def described(recorded_at: datetime = RECORDED_AT, **given: str) -> Dataset:
    dataset = from_object_metadata(given)
    describe_times(dataset, recorded_at)
    return dataset


def test_without_any_time_all_are_those_of_the_recording() -> None:
    dataset = described()
    assert dataset.TimezoneOffsetFromUTC == "+0000"
    assert dataset.AcquisitionDateTime == "20251121233005.250000"
    for kind in ("Content", "Study", "InstanceCreation"):
        assert dataset[f"{kind}Date"].value == "20251121"
        assert dataset[f"{kind}Time"].value == "233005.250000"


def test_a_given_zone_moves_the_recordings_time_into_it() -> None:
    dataset = described(TimezoneOffsetFromUTC="+0530")
    assert dataset.TimezoneOffsetFromUTC == "+0530"
    assert dataset.AcquisitionDateTime == "20251122050005.250000"
    assert dataset.StudyDate == "20251122"
    assert dataset.InstanceCreationTime == "050005.250000"


def test_a_given_acquisition_time_wins_and_keeps_its_precision() -> None:
    dataset = described(AcquisitionDate="20200102", AcquisitionTime="0304", StudyDate="20200101")
    assert dataset.AcquisitionDateTime == "202001020304"
    assert (dataset.ContentDate, dataset.ContentTime) == ("20200102", "0304")
    assert dataset.StudyDate == "20200101"
    assert "StudyTime" not in dataset


def test_times_of_a_zone_nobody_told_are_not_said_to_be_in_one() -> None:
    dataset = described(StudyDate="20200101", StudyTime="0900")
    assert "TimezoneOffsetFromUTC" not in dataset
    assert "InstanceCreationTime" not in dataset
    assert "ContentTime" not in dataset
    assert dataset.AcquisitionDateTime == "20251121233005.250000+0000"


def test_the_offset_of_an_acquisition_time_is_the_zone() -> None:
    dataset = described(AcquisitionDateTime="20251122003000-0500")
    assert dataset.TimezoneOffsetFromUTC == "-0500"
    assert dataset.ContentTime == "003000"
    assert dataset.InstanceCreationTime == "183005.250000"


def test_an_acquisition_time_of_another_zone_is_converted() -> None:
    dataset = described(AcquisitionDateTime="20251122003000-0500", TimezoneOffsetFromUTC="+0100")
    assert (dataset.ContentDate, dataset.ContentTime) == ("20251122", "063000")


def test_dates_of_birth_have_no_zone() -> None:
    assert described(PatientBirthDate="19700101").TimezoneOffsetFromUTC == "+0000"


def test_a_study_that_others_share_gets_no_time_of_ours() -> None:
    assert "StudyDate" not in described(StudyInstanceUID="1.2.3")
    order = described(PatientID="1", AccessionNumber="A")
    assert order.StudyDate == "20251121"
    assert "StudyTime" not in order


class TestInstanceNumber:
    def test_follows_acquisition_time_across_zones_and_sources(self) -> None:
        zone = timezone(timedelta(hours=2))
        in_order = [
            described(AcquisitionDateTime="19990101"),
            described(AcquisitionDateTime="20251121233001"),
            described(AcquisitionDateTime="20251122003002.5+0100"),
            described(datetime(2025, 11, 22, 1, 30, 3, tzinfo=zone)),
            described(AcquisitionDateTime="20251121223104", TimezoneOffsetFromUTC="-0100"),
        ]
        numbers = [dataset.InstanceNumber for dataset in in_order]
        assert numbers == sorted(set(numbers))

    def test_a_given_number_is_kept(self) -> None:
        assert described(InstanceNumber="4").InstanceNumber == 4

    @pytest.mark.parametrize("when", ["18500101", "21500101"])
    def test_no_number_beyond_the_range_of_is(self, when: str) -> None:
        assert described(AcquisitionDateTime=when).InstanceNumber is None
