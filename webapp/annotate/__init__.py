"""The annotation pages: draw rectangles, name what is in them, in a browser on this machine."""
