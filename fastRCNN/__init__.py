"""The method: proposals, network, support vector machines, suppression, evaluation. Knows nothing of scripts."""
