"""Lessons in processes of their own: who starts one stays responsive, and can end it at once."""
