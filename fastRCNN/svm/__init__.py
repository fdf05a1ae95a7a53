"""Linear support vector machines on embeddings: training with hard negative mining, and scoring."""
