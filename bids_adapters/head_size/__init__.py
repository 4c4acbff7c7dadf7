"""What segmentation and quality control leave behind beside the maps, as columns of the cohort."""
