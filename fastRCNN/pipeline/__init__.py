"""What knows of steps, parameters and script names: their files, what is stale, and the parts of each step."""
