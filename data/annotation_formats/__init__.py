"""Annotation formats of other tools: one module each, with `read` and `write` around one record (`record.Picture`)."""
