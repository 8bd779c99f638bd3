"""The shot document under edit: its draft, history, saving and opening."""
