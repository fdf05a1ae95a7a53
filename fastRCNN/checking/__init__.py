"""A data set looked at before training: near copies, doubtful labels, objects that no ROI can cover; the page on it.

near_copies      pictures that are nearly the same, by a perceptual hash
unlike_objects   objects that look unlike the rest of their class, by embedding: label errors are among them
examination      what B0 finds beside the census: doubts that take time, and numbers
check_page       results/<dataset>/check.html and check.json
"""
