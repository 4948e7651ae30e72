"""What comes beside genotypes: relatedness, principal components, a published score, the truth."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np

from biobraid.ingest.sample.genotypes.draw import alleles, count_alt
from biobraid.ingest.sample.genotypes.members import Members
from biobraid.ingest.sample.genotypes.panel import BUILD, Panel
from biobraid.ingest.sample.genotypes.plink_files import special_variants

RELATED = "ukb_rel_a12345_s1.dat"
COMPONENTS = "ukb22418_pca.eigenvec"
SCORE = "PGS990001_hmPOS_GRCh38.txt.gz"
N_COMPONENTS = 4
_FLIP = str.maketrans("ACGT", "TGCA")


def write_related(path: Path, who: Members) -> int:
    """UK Biobank's file of relatives (KING): the planted duplicate and no others; returns pairs."""
    numbers = who.draws.numbers
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    twin = np.flatnonzero(first[inverse] != np.arange(len(numbers)))
    ids = who.ids.to_pylist()
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("ID1 ID2 HetHet IBS0 Kinship\n")
        for row in twin:
            pair = sorted((ids[int(first[inverse[row]])], ids[int(row)]))
            out.write(f"{pair[0]} {pair[1]} 0.1620 0.0000 0.4980\n")
    return len(twin)


def write_components(path: Path, made: Panel, who: Members) -> None:
    """plink2's .eigenvec: the first principal components of the array's autosomal variants.

    Of at most 2,000 persons' variants; the others are projected onto them.
    """
    counts = np.concatenate(
        [
            count_alt(*alleles(made, block, who.draws, who.male))
            for block in range(made.n_blocks)
            if made.chromosome_of(block) not in ("X", "Y", "MT")
        ],
        axis=1,
    ).astype(np.float32)
    counts -= counts.mean(axis=0)
    spread = counts.std(axis=0)
    counts /= np.where(spread > 0, spread, 1.0)
    _, _, axes = np.linalg.svd(counts[:2000], full_matrices=False)
    # The sign of an axis is arbitrary: its greatest loading is made positive.
    axes = axes[:N_COMPONENTS]
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    scores = counts @ axes.T / np.sqrt(counts.shape[1] * len(counts))
    names = [f"PC{k + 1}" for k in range(scores.shape[1])]
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("\t".join(["#FID", "IID", *names]) + "\n")
        for sample, row in zip(who.ids.to_pylist(), scores.tolist(), strict=True):
            out.write("\t".join([sample, sample, *(f"{value:.6g}" for value in row)]) + "\n")


def write_score(path: Path, made: Panel) -> None:
    """A scoring file in the PGS Catalog's form that predicts cholesterol.

    Every third variant names the reference allele as its effect allele, every fourth is told
    on the other strand. One variant is an A/T or C/G, whose strand cannot be told, and one is
    on no array; both have no effect in truth.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    causal = np.flatnonzero(made.effect)
    pairs = np.char.add(made.ref, made.alt)
    is_decoy = np.isin(pairs, ("AT", "TA", "CG", "GC")) & made.on_array & (made.chromosome == "2")
    decoy = int(np.flatnonzero(is_decoy)[0])
    lines = [
        "###PGS CATALOG SCORING FILE - see https://www.pgscatalog.org/downloads/#dl_ftp_scoring",
        "#format_version=2.0", "##POLYGENIC SCORE (PGS) INFORMATION", "#pgs_id=PGS990001",
        "#pgs_name=sample_cholesterol", "#trait_reported=Total cholesterol",
        "#trait_mapped=total cholesterol measurement", "#trait_efo=EFO_0004574",
        "#genome_build=GRCh37", f"#variants_number={len(causal) + 2}", "#weight_type=beta",
        "##HARMONIZATION DETAILS", f"#HmPOS_build={BUILD}", "#HmPOS_date=2024-01-01",
        "rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\thm_source\t"
        "hm_rsID\thm_chr\thm_pos",
    ]  # fmt: skip
    for i, v in enumerate([*causal.tolist(), decoy]):
        effect, other, weight = made.alt[v], made.ref[v], made.effect[v] or 0.02
        if i % 3 == 2:
            effect, other, weight = other, effect, -weight
        if i % 4 == 3:
            effect, other = str(effect).translate(_FLIP), str(other).translate(_FLIP)
        chromosome, position = made.chromosome[v], int(made.position[v])
        cells = (
            made.rsid[v], chromosome, position - 61, effect, other, f"{weight:.6f}", "ENSEMBL",
            made.rsid[v], chromosome, position,
        )  # fmt: skip
        lines.append("\t".join(map(str, cells)))
    lines.append("rs1\t1\t1000\tA\tG\t0.010000\tENSEMBL\trs1\t1\t1000")
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 5, raw, mtime=0) as packed:
        packed.write(("\n".join(lines) + "\n").encode())


def write_truth(folder: Path, made: Panel, who: Members) -> None:
    """variants.csv: every variant with its true frequency and effect; samples.csv: what is wrong."""
    frequency = made.frequency()
    violating, gappy = special_variants(made)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        [
            "chromosome",
            "position",
            "ref",
            "alt",
            "alt2",
            "rsid",
            "alt_frequency",
            "cholesterol_effect",
            "on_array",
            "is_lead",
            "defect",
        ]
    )
    for v in range(len(made.position)):
        defect = {violating: "hwe-violation", gappy: "low-call-rate"}.get(v, "")
        rows.writerow(
            [made.chromosome[v], made.position[v], made.ref[v], made.alt[v], made.alt2[v],
             made.rsid[v], round(float(frequency[v]), 6), round(float(made.effect[v]), 6),
             int(made.on_array[v]), int(v == made.lead), defect]
        )  # fmt: skip
    (folder / "variants.csv").write_text(text.getvalue(), encoding="utf-8")
    numbers, said = who.draws.numbers, who.said_male
    ids = who.ids.to_pylist()
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["sample", "defect", "dna_of_person"])
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    for row in range(len(ids)):
        if first[inverse[row]] != row:
            rows.writerow([ids[row], "duplicate-sample", int(numbers[row])])
        if who.male[row] != said[row]:
            rows.writerow([ids[row], "sex-mismatch", int(numbers[row])])
        if who.is_poor[row]:
            rows.writerow([ids[row], "low-call-rate", int(numbers[row])])
    (folder / "samples.csv").write_text(text.getvalue(), encoding="utf-8")
