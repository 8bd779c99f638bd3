"""A report as one HTML file: `report_page`."""

from rde_roto.images.report.page import report_page

__all__ = ["report_page"]
