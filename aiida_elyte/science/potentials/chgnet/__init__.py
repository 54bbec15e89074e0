"""CHGNet, a universal potential with trained weights: for trials, as a teacher, and before anything is trained."""
