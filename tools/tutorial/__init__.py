"""The pictures of docs/tutorial.md."""
