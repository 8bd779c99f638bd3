"""Pictures for people: contact sheets, plots and explanations."""
