"""What the hospitals' codes are: SNOMED CT, LOINC, RxNorm and CVX of the sample's conditions."""

from __future__ import annotations

from dataclasses import dataclass

# SNOMED CT of each disease, in the order of DISEASES.
SNOMED = (
    "59621000", "44054006", "22298006", "195967001", "370143000", "49436004", "13645005",
    "90560007", "239873007", "239872002", "359817006", "233604007", "84114007", "230690007",
    "363406005", "254837009", "193570009", "40930008", "235919008", "68566005", "271737000",
    "235595009", "53741008",
)  # fmt: skip
# SNOMED CT of the operation that OPCS-4 codes, by disease.
OPERATIONS = {
    "mi": "415070008", "knee_arthrosis": "609588000", "hip_arthrosis": "52734007",
    "colon_cancer": "43075005", "cataract": "54885007", "gallstones": "38102005",
    "coronary_disease": "232717009",
}  # fmt: skip
# Implanted or worn, by disease: SNOMED CT, label, share of patients.
DEVICES = {
    "mi": ("705643001", "Coronary artery stent", 0.6),
    "atrial_fibrillation": ("706004007", "Implantable cardiac pacemaker", 0.3),
    "t2dm": ("69805005", "Insulin pump", 0.15),
}
ALLERGIES = (
    ("http://snomed.info/sct", "91935009", "Allergy to peanut"),
    ("http://snomed.info/sct", "300916003", "Allergy to latex"),
    ("http://www.nlm.nih.gov/research/umls/rxnorm", "1191", "Aspirin"),
)
VACCINES = (("140", "Influenza, split virus"), ("121", "Zoster, live"), ("33", "Pneumococcal"))
# Ingredients of DRUGS; omeprazole's is not in the starter vocabulary.
RXNORM = (
    "36567",
    "83367",
    "17767",
    "35296",
    "6809",
    "10582",
    "435",
    "29046",
    "1191",
    "7646",
    "161",
)
SMOKING = ("266919005", "8517006", "77176002")  # never, ex-, current smoker
SMOKING_LABELS = ("Never smoked tobacco", "Ex-smoker", "Smokes tobacco daily")


@dataclass(frozen=True)
class Item:
    """One thing measured at a check-up; units as each hospital gives them."""

    name: str
    loinc: str
    label: str
    is_lab: bool
    unit: tuple[str, str]  # northgate's and southgate's, in UCUM
    decimals: int
    low: str = ""
    high: str = ""


ITEMS = (
    Item("height", "8302-2", "Body height", False, ("cm", "cm"), 1),
    Item("weight", "29463-7", "Body weight", False, ("kg", "kg"), 1),
    Item("bmi", "39156-5", "Body mass index", False, ("kg/m2", "kg/m2"), 1),
    Item("pulse", "8867-4", "Heart rate", False, ("/min", "/min"), 0),
    Item("glucose", "2345-7", "Glucose", True, ("mg/dL", "mmol/L"), 1),
    Item("creatinine", "2160-0", "Creatinine", True, ("mg/dL", "umol/L"), 2),
    Item("cholesterol", "2093-3", "Cholesterol", True, ("mg/dL", "mmol/L"), 1),
    Item("hba1c", "4548-4", "Haemoglobin A1c", True, ("%", "%"), 1, "4.0", "5.6"),
    Item("haemoglobin", "718-7", "Haemoglobin", True, ("g/dL", "g/L"), 1),
    Item("crp", "1988-5", "C-reactive protein", True, ("mg/L", "mg/L"), 1, "0", "5"),
)
PLACE = {item.name: i for i, item in enumerate(ITEMS)}
BLOOD_PRESSURE = len(ITEMS)  # the panel's place among what is measured
SMOKES = BLOOD_PRESSURE + 1
