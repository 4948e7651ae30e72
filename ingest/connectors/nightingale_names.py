"""Names of Nightingale's biomarkers: those of UK Biobank's release, and of the platform before it.

Sources: Nightingale's list of 249 biomarkers with the ratios that ukbnmr derives (Ritchie et al.
2023), and the 228 names of the platform until 2020 (Soininen et al. 2015). The particles and what
is measured of each are put together here, the others are listed.
"""

from __future__ import annotations

import re

_SUBCLASS = (
    r"(((x{0,2}l|[ms]|xs)vldl|idl|[lms]ldl|(xl|[lms])hdl)(p|l|pl|c|ce|fc|tg)"
    r"(pct|pctc|proc)?)"
)
_CLASS = r"((total|serum|vldl|ldl|hdl|hdl2|hdl3|nonhdl|remnant|clinicalldl)(c|tg|pl|ce|fc|l|p)(pct|pctc)?)"
_RATIO = r"(((x{0,2}l|[ms]|xs)?(vldl|ldl|hdl)|idl|total)fcbyce)"
_FATTY = r"((omega3|omega6|pufa|mufa|sfa|la|dha|cla|faw3|faw6|faw79s)(pct|pctpufa|byfa)?)"
_LIPOPROTEIN = re.compile("|".join((_SUBCLASS, _CLASS, _RATIO, _FATTY)))
# Without PC and Gp, which elsewhere are postcodes and practices; a study declares them.
_OTHERS = """
vldlsize ldlsize hdlsize vldld ldld hdld phosphoglyc tgbypg totpg pg sm cholines
phosphatidylc sphingomyelins totcho estc freec apob apoa1 apobbyapoa1 totalfa totfa unsaturation
unsat pufabymufa omega6byomega3 faw6byfaw3 falen fawlen bisdb bisbyfa dhabyfa ala gln gly his
totalbcaa ile leu val phe tyr glucose lactate pyruvate citrate bohbutyrate acetate acetoacetate
acetone creatinine albumin glyca glc lac pyr cit glol ace acace bohbut crea alb
correctedala glucoselactate glycerol
"""


def is_biomarker(column: str) -> bool:
    """True for the name of a biomarker, however its parts are joined (Total_C, ApoB/ApoA1, DHA_%)."""
    plain = column.strip().lower().replace("%", "pct").replace("/", "by")
    plain = re.sub(r"[ _.\-]", "", plain)
    return plain in _OTHERS.split() or _LIPOPROTEIN.fullmatch(plain) is not None
