"""Training: recipes, footage, clips, the objective and the trainer. Needs the ``train`` extra."""
