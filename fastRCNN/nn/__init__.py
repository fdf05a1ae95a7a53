"""Part 2: training the network itself as the classifier."""
