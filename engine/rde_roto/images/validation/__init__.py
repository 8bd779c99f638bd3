"""Checks whether mattes on disk are fit for delivery: `validate` and its findings."""

from rde_roto.images.validation.findings import Finding, Rule
from rde_roto.images.validation.sequence import MatteSequence

__all__ = ["Finding", "MatteSequence", "Rule"]
