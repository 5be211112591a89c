"""Body Part Examined in SNOMED CT (PS3.16 Annex L, codes as in CID 4), and what comes in pairs."""

from pydicom.dataset import Dataset

from cinestow.dicom.codes import UNKNOWN, Code

_UNPAIRED = {
    "ABDOMEN": ("818981001", "Abdomen"),
    "ABDOMENPELVIS": ("818982008", "Abdomen and Pelvis"),
    "ANUS": ("53505006", "Anus"),
    "AORTA": ("15825003", "Aorta"),
    "BACK": ("77568009", "Back"),
    "BILEDUCT": ("28273000", "Bile duct"),
    "BLADDER": ("89837001", "Bladder"),
    "BRAIN": ("12738006", "Brain"),
    "CERVIX": ("71252005", "Cervix"),
    "CHEST": ("816094009", "Thorax"),
    "COLON": ("71854001", "Colon"),
    "CSPINE": ("122494005", "Cervical spine"),
    "DUODENUM": ("38848004", "Duodenum"),
    "FACE": ("89545001", "Face"),
    "GALLBLADDER": ("28231008", "Gallbladder"),
    "HEAD": ("69536005", "Head"),
    "HEADNECK": ("774007", "Head and Neck"),
    "ILEUM": ("34516001", "Ileum"),
    "JAW": ("661005", "Jaw region"),
    "JEJUNUM": ("21306003", "Jejunum"),
    "LARYNX": ("4596009", "Larynx"),
    "LIVER": ("10200004", "Liver"),
    "LSPINE": ("122496007", "Lumbar spine"),
    "MEDIASTINUM": ("72410000", "Mediastinum"),
    "MOUTH": ("123851003", "Mouth"),
    "NASOPHARYNX": ("360955006", "Nasopharynx"),
    "NECK": ("45048000", "Neck"),
    "NOSE": ("45206002", "Nose"),
    "PANCREAS": ("15776009", "Pancreas"),
    "PELVIS": ("816092008", "Pelvis"),
    "PENIS": ("18911002", "Penis"),
    "PERINEUM": ("38864007", "Perineum"),
    "PHARYNX": ("54066008", "Pharynx"),
    "PROSTATE": ("41216001", "Prostate"),
    "SCALP": ("41695006", "Scalp"),
    "SCROTUM": ("20233005", "Scrotum"),
    "SKULL": ("89546000", "Skull"),
    "SPINE": ("421060004", "Spine"),
    "SPLEEN": ("78961009", "Spleen"),
    "STERNUM": ("56873002", "Sternum"),
    "STOMACH": ("69695003", "Stomach"),
    "THYROID": ("69748006", "Thyroid"),
    "TONGUE": ("21974007", "Tongue"),
    "TRACHEA": ("44567001", "Trachea"),
    "TSPINE": ("122495006", "Thoracic spine"),
    "UTERUS": ("35039007", "Uterus"),
    "VULVA": ("45292006", "Vulva"),
    "WHOLEBODY": ("38266002", "Entire body"),
}
_PAIRED = {
    "ADRENAL": ("23451007", "Adrenal gland"),
    "ANKLE": ("70258002", "Ankle joint"),
    "ARM": ("40983000", "Upper arm"),
    "AXILLA": ("91470000", "Axilla"),
    "BREAST": ("76752008", "Breast"),
    "BRONCHUS": ("955009", "Bronchus"),
    "BUTTOCK": ("46862004", "Buttock"),
    "CHEEK": ("60819002", "Cheek"),
    "CLAVICLE": ("51299004", "Clavicle"),
    "CORNEA": ("28726007", "Cornea"),
    "EAR": ("117590005", "Ear"),
    "ELBOW": ("16953009", "Elbow joint"),
    "EYE": ("81745001", "Eye"),
    "EYELID": ("80243003", "Eyelid"),
    "FINGER": ("7569003", "Finger"),
    "FOOT": ("56459004", "Foot"),
    "FOREARM": ("14975008", "Forearm"),
    "HAND": ("85562004", "Hand"),
    "HIP": ("24136001", "Hip joint"),
    "KNEE": ("72696002", "Knee"),
    "LEG": ("30021000", "Lower leg"),
    "OVARY": ("15497006", "Ovary"),
    "PAROTID": ("45289007", "Parotid gland"),
    "SHOULDER": ("16982005", "Shoulder"),
    "TESTIS": ("40689003", "Testis"),
    "THIGH": ("68367000", "Thigh"),
    "THUMB": ("76505004", "Thumb"),
    "TOE": ("29707007", "Toe"),
    "WRIST": ("74670003", "Wrist joint"),
}
_EITHER = {"LUNG": ("39607008", "Lung")}
"""Names one or both: neither an unpaired region nor one whose side has to be asked for."""
SITES = {
    term: Code(value, "SCT", meaning)
    for term, (value, meaning) in (_UNPAIRED | _PAIRED | _EITHER).items()
}
"""By the Defined Term of Body Part Examined."""

_UNPAIRED_CODES = frozenset(value for value, _ in _UNPAIRED.values()) | frozenset(
    # The rest of CID 4: trunk and spine, vessels, digestive tract, urogenital and other organs.
    {"416550000", "416775004", "417437006", "416152001", "416319003", "43799004", "82849001"}
    | {"90290004", "26493002", "64688005", "54735007", "2748008", "42575006", "11279006"}
    | {"7832008", "57034009", "54247002", "32672002", "113262008", "22083002", "35819009"}
    | {"80891009", "128564006", "128565007", "50536004", "284639000", "9875009", "110726009"}
    | {"110612005", "34402009", "32849002", "110861005", "14742008", "60184004", "30315005"}
    | {"69930009", "110621006", "312535008", "110837003", "13648007", "76784001", "110639002"}
    | {"34411009"}
)
_EITHER_CODES = frozenset(value for value, _ in _EITHER.values())


def describe_anatomy(dataset: Dataset) -> None:
    """Fill in Anatomic Region Sequence and the laterality (PS3.3 C.8.12.1, C.7.3.1, C.7.6.1).

    A region that nobody told is coded as unknown, never guessed. Where nobody told the side, Image
    Laterality says "unpaired" of a region known to be so, and Laterality (2C) is present and empty
    for any other.
    """
    if "AnatomicRegionSequence" not in dataset:
        code = SITES.get(dataset.get("BodyPartExamined", ""), UNKNOWN)
        dataset.AnatomicRegionSequence = [code.item()]
    if "Laterality" in dataset or "ImageLaterality" in dataset:
        return
    region = dataset.AnatomicRegionSequence[0].get("CodeValue")
    if region in _UNPAIRED_CODES:
        dataset.ImageLaterality = "U"
    elif region not in _EITHER_CODES:
        dataset.Laterality = None
