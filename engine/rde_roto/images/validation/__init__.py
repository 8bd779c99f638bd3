"""Whether mattes on disk are what a compositor may be handed: `validate` and its findings."""

from rde_roto.images.validation.findings import Finding, Rule
from rde_roto.images.validation.sequence import MatteSequence

__all__ = ["Finding", "MatteSequence", "Rule"]
