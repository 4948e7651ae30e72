"""Bias and selection audits: who is missing, from which modality, and what it does to results."""
