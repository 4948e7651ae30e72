"""Genome builds: names, chromosome lengths, ploidy, and markers that tell builds apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BUILDS = ("GRCh37", "GRCh38")
_ALIASES = {
    "grch37": "GRCh37", "hg19": "GRCh37", "b37": "GRCh37", "hs37d5": "GRCh37", "37": "GRCh37",
    "grch38": "GRCh38", "hg38": "GRCh38", "b38": "GRCh38", "hs38": "GRCh38", "38": "GRCh38",
}  # fmt: skip
_NAMES = (*(str(n) for n in range(1, 23)), "X", "Y", "MT")
# Lengths of the primary assemblies (GCF_000001405.25 and GCF_000001405.40).
_LENGTHS = {
    "GRCh37": (
        249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022,
        141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753,
        81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560, 59373566, 16569,
    ),
    "GRCh38": (
        248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636,
        138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345,
        83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895, 57227415, 16569,
    ),
}  # fmt: skip
# PLINK's numbers; 25 (XY) is the pseudo-autosomal part of X, told apart by its position.
_CODES = {
    "23": "X",
    "24": "Y",
    "25": "X",
    "26": "MT",
    "M": "MT",
    "XY": "X",
    "PAR1": "X",
    "PAR2": "X",
}
# Pseudo-autosomal regions, 1-based, both ends included.
_PSEUDO_AUTOSOMAL = {
    ("GRCh37", "X"): ((60001, 2699520), (154931044, 155260560)),
    ("GRCh37", "Y"): ((10001, 2649520), (59034050, 59363566)),
    ("GRCh38", "X"): ((10001, 2781479), (155701383, 156030895)),
    ("GRCh38", "Y"): ((10001, 2781479), (56887903, 57217415)),
}
# Well-known variants and where they lie on either build; one of them tells the build.
MARKERS = {
    "rs429358": ("19", 45411941, 44908684), "rs7412": ("19", 45412079, 44908822),
    "rs1801133": ("1", 11856378, 11796321), "rs6025": ("1", 169519049, 169549811),
    "rs1800562": ("6", 26093141, 26092913), "rs334": ("11", 5248232, 5227002),
    "rs9939609": ("16", 53820527, 53786615), "rs7903146": ("10", 114758349, 112998590),
    "rs1426654": ("15", 48426484, 48134287), "rs12913832": ("15", 28365618, 28120472),
    "rs16891982": ("5", 33951693, 33951588), "rs4988235": ("2", 136608646, 135851076),
    "rs1042713": ("5", 148206440, 148826877), "rs12979860": ("19", 39738787, 39248147),
    "rs4149056": ("12", 21331549, 21178615),
}  # fmt: skip


def find_build(text: str) -> str | None:
    """GRCh37 or GRCh38 for any of their usual names; None if it is neither."""
    return _ALIASES.get(text.strip().lower().replace("build", "").strip(" _-"))


def chromosome_name(delivered: str) -> str:
    """1 to 22, X, Y or MT without prefix; other contigs as delivered."""
    short = delivered[3:] if delivered[:3].lower() == "chr" else delivered
    short = short.lstrip("0") or "0"
    upper = short.upper()
    name = _CODES.get(upper, upper)
    return name if name in _NAMES or name == "0" else delivered


def chromosome_length(build: str, chromosome: str) -> int | None:
    """Bases of a chromosome; None for other contigs."""
    return _LENGTHS[build][_NAMES.index(chromosome)] if chromosome in _NAMES else None


def chromosome_order(chromosome: str) -> tuple[int, str]:
    """Sort key: 1 to 22, X, Y, MT, then the others by name."""
    return (_NAMES.index(chromosome) if chromosome in _NAMES else len(_NAMES), chromosome)


def is_pseudo_autosomal(build: str, chromosome: str, position: int) -> bool:
    """True on the parts of X and Y that men have two of."""
    regions = _PSEUDO_AUTOSOMAL.get((build, chromosome), ())
    return any(first <= position <= last for first, last in regions)


def ploidy(
    build: str, chromosome: str, position: int, sexes: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    """Copies of a place each sample has: 0, 1 or 2; -1 where the sex is unknown and matters.

    sexes: 1 male, 2 female, 0 unknown (as .fam has it).
    """
    if chromosome == "MT":
        return np.ones(len(sexes), np.int8)
    if chromosome not in ("X", "Y") or is_pseudo_autosomal(build, chromosome, position):
        return np.full(len(sexes), 2, np.int8)
    of_women = 2 if chromosome == "X" else 0
    by_sex = np.array([-1, 1, of_women], np.int8)
    return by_sex[sexes]
