"""Documents that people and programs exchange as files: shots, jobs, presets, cards, statuses."""
