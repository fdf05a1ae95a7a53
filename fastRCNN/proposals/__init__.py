"""Where ROIs come from: segmentations, and the boxes of their merged regions."""
