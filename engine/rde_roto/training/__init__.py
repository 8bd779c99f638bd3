"""The trainer of the shipped weights. Needs the ``train`` extra; nothing else imports it."""
