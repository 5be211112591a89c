"""The attributes that metadata may set, by the module they belong to (PS3.3).

What describes the pictures (Image Pixel, Cine, Multi-frame, lossy compression) and who the instance
is (SOP Common) comes from the bit stream and from us alone.
"""


def _keywords(text: str) -> frozenset[str]:
    return frozenset(text.split())


PATIENT = _keywords("""
    PatientName PatientID IssuerOfPatientID IssuerOfPatientIDQualifiersSequence TypeOfPatientID
    PatientBirthDate PatientBirthTime PatientSex OtherPatientNames OtherPatientIDsSequence
    EthnicGroup PatientComments QualityControlSubject
""")
PATIENT_STUDY = _keywords("""
    AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence PatientAge PatientSize
    PatientWeight PatientBodyMassIndex MedicalAlerts Allergies Occupation SmokingStatus
    AdditionalPatientHistory PregnancyStatus LastMenstrualDate PatientState ReasonForVisit
    ReasonForVisitCodeSequence AdmissionID IssuerOfAdmissionIDSequence ServiceEpisodeID
    ServiceEpisodeDescription
""")
STUDY = _keywords("""
    StudyInstanceUID StudyDate StudyTime StudyID StudyDescription AccessionNumber
    IssuerOfAccessionNumberSequence ReferringPhysicianName ConsultingPhysicianName
    PhysiciansOfRecord NameOfPhysiciansReadingStudy RequestingService RequestingServiceCodeSequence
    ProcedureCodeSequence ReasonForPerformedProcedureCodeSequence ReferencedStudySequence
""")
SERIES = _keywords("""
    Modality SeriesInstanceUID SeriesNumber SeriesDate SeriesTime SeriesDescription
    SeriesDescriptionCodeSequence PerformingPhysicianName OperatorsName ProtocolName
    BodyPartExamined Laterality PerformedProcedureStepStartDate PerformedProcedureStepStartTime
    PerformedProcedureStepEndDate PerformedProcedureStepEndTime PerformedProcedureStepID
    PerformedProcedureStepDescription PerformedProtocolCodeSequence
    CommentsOnThePerformedProcedureStep RequestAttributesSequence
    ReferencedPerformedProcedureStepSequence
""")
EQUIPMENT = _keywords("""
    Manufacturer ManufacturerModelName DeviceSerialNumber DeviceUID SoftwareVersions
    InstitutionName InstitutionAddress InstitutionalDepartmentName StationName
""")
IMAGE = _keywords("""
    InstanceNumber AcquisitionNumber AcquisitionDate AcquisitionTime AcquisitionDateTime ContentDate
    ContentTime ImageComments ImageLaterality AnatomicRegionSequence
    PrimaryAnatomicStructureSequence PatientOrientation ViewCodeSequence BurnedInAnnotation
    RecognizableVisualFeatures
""")
COMMON = _keywords("TimezoneOffsetFromUTC")

SETTABLE = PATIENT | PATIENT_STUDY | STUDY | SERIES | EQUIPMENT | IMAGE | COMMON
"""What object metadata, JSON and XML may set."""
