"""How good detections are: matching with objects, average precision, confusion."""
