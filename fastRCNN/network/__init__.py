"""A network as data: its layers, weight files, the AlexNet shapes, ROI pooling, precision."""
