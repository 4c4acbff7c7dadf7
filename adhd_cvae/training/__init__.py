"""Training of a contrastive model: losses, batches, augmentation, and state that resumes to the same bits."""
