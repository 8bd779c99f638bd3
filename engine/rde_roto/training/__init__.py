"""Training: recipes, footage, clips, objective and trainer. Needs the ``train`` extra."""
