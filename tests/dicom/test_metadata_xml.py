"""Native DICOM Model XML."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinestow.dicom.metadata_xml import from_xml
from cinestow.errors import InputRefused, RefusalCode

NAMESPACE = 'xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM"'
MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<NativeDicomModel {namespace} xml:space="preserve">
  <DicomAttribute tag="00080005" vr="CS" keyword="SpecificCharacterSet">
    <Value number="1">ISO_IR 192</Value>
  </DicomAttribute>
  <DicomAttribute tag="00100010" vr="PN" keyword="PatientName">
    <PersonName number="1">
      <Alphabetic><FamilyName>Wang</FamilyName><GivenName>XiaoDong</GivenName></Alphabetic>
      <Ideographic><FamilyName>王</FamilyName><GivenName>小東</GivenName></Ideographic>
    </PersonName>
  </DicomAttribute>
  <DicomAttribute tag="00101030" vr="DS"><Value number="1">70.5</Value></DicomAttribute>
  <DicomAttribute tag="00081070" vr="PN" keyword="OperatorsName">
    <PersonName number="1"><Alphabetic><FamilyName>A</FamilyName></Alphabetic></PersonName>
    <PersonName number="2"><Alphabetic><FamilyName>B</FamilyName></Alphabetic></PersonName>
  </DicomAttribute>
  <DicomAttribute tag="00081032" vr="SQ" keyword="ProcedureCodeSequence">
    <Item number="1">
      <DicomAttribute tag="00080100" vr="SH"><Value number="1">1</Value></DicomAttribute>
      <DicomAttribute tag="00080102" vr="SH"><Value number="1">99X</Value></DicomAttribute>
      <DicomAttribute tag="00080104" vr="LO"><Value number="1">Колоноскопия</Value></DicomAttribute>
    </Item>
  </DicomAttribute>
  <DicomAttribute tag="00100040" vr="CS" keyword="PatientSex"/>
</NativeDicomModel>"""


def attribute(text: str) -> bytes:
    return f"<NativeDicomModel>{text}</NativeDicomModel>".encode()


@pytest.mark.parametrize("namespace", ["", NAMESPACE])
def test_names_numbers_sequences_and_empty_values(namespace: str) -> None:
    dataset = from_xml(MODEL.format(namespace=namespace).encode())
    assert dataset.PatientName == "Wang^XiaoDong=王^小東"
    assert dataset.PatientWeight == 70.5
    assert list(dataset.OperatorsName) == ["A", "B"]
    assert dataset.ProcedureCodeSequence[0].CodeMeaning == "Колоноскопия"
    assert "PatientSex" not in dataset
    assert "SpecificCharacterSet" not in dataset


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (attribute('<DicomAttribute tag="00100020" vr="SH"/>'), "PatientID"),
        (attribute('<DicomAttribute tag="00100020" vr="LO" keyword="PatientName"/>'), "PatientID"),
        (attribute('<DicomAttribute tag="00100020" vr="LO"/>' * 2), "PatientID"),
        (
            attribute('<DicomAttribute tag="00100020" vr="LO"><BulkData/></DicomAttribute>'),
            "PatientID",
        ),
        (attribute('<DicomAttribute tag="00080018" vr="UI"/>'), "SOPInstanceUID"),
        (
            attribute(
                '<DicomAttribute tag="00100030" vr="DA"><Value>Secret</Value></DicomAttribute>'
            ),
            "PatientBirthDate",
        ),
        (attribute('<DicomAttribute tag="00091001" vr="LO"/>'), "standard attribute"),
        (attribute('<DicomAttribute tag="Secret" vr="LO"/>'), "standard attribute"),
        (attribute('<DicomAttribute tag="-1" vr="LO"/>'), "standard attribute"),
        (attribute("<Value>Secret</Value>"), "DicomAttribute"),
        (b"<Secret/>", "NativeDicomModel"),
        (b"", "well-formed"),
        (b"<NativeDicomModel>", "well-formed"),
        (b'<?xml version="1.0" encoding="no-such"?><NativeDicomModel/>', "well-formed"),
        (b'<!DOCTYPE a [<!ENTITY b "Secret">]><NativeDicomModel>&b;</NativeDicomModel>', "type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><NativeDicomModel/>', "type"),
    ],
)
def test_what_is_wrong_is_refused_and_named(data: bytes, named: str) -> None:
    with pytest.raises(InputRefused, match=named) as refusal:
        from_xml(data)
    assert refusal.value.code is RefusalCode.METADATA_INVALID
    assert "Secret" not in str(refusal.value)


def test_deep_nesting_is_refused() -> None:
    opening = '<DicomAttribute tag="00081032" vr="SQ"><Item>'
    with pytest.raises(InputRefused, match="nested"):
        from_xml(attribute(opening * 5000 + "</Item></DicomAttribute>" * 5000))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with suppress(InputRefused):
        from_xml(data)
