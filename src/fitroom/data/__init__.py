"""Training and evaluation data: readers, checks, augmentation and drawn figures."""
