"""Lessons in separate processes: whoever starts one stays responsive and can end it at once."""
