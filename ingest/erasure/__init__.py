"""Taking people out of what ingest wrote. Modalities import their holder here."""

from biobraid.ingest.erasure.corrections import CORRECTIONS
from biobraid.ingest.erasure.genotypes import GENOTYPES
from biobraid.ingest.erasure.inbox import INBOX
from biobraid.ingest.erasure.landing import LANDING
from biobraid.ingest.erasure.objects import GENOTYPE_OBJECTS
from biobraid.ingest.erasure.referenced import REFERENCED
from biobraid.ingest.erasure.statements import put_statement, suppress

__all__ = [
    "CORRECTIONS",
    "GENOTYPES",
    "GENOTYPE_OBJECTS",
    "INBOX",
    "LANDING",
    "REFERENCED",
    "put_statement",
    "suppress",
]
