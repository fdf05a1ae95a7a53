"""What is done with boxes that a network scored: suppression, and moving them onto objects."""
