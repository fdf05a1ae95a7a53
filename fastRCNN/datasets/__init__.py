"""Data sets: pictures with their annotated objects, their ROIs, and what the annotations say of sizes."""
