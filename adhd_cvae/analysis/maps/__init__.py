"""Maps: patients against controls voxel by voxel, and what the salient space does to the brain."""
