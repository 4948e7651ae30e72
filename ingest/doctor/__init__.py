"""doctor: everything that is wrong with the studies, at once, from settings and a small sample."""

from biobraid.ingest.doctor.examine import examine
from biobraid.ingest.doctor.finding import Finding, Severity

__all__ = ["Finding", "Severity", "examine"]
