"""Files, pictures, boxes, printing. Knows nothing of learning."""
