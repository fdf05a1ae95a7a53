"""The report on a result: mistakes with reasons, charts, and one page with all of it."""
