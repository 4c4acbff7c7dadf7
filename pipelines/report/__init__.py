"""The report: figures, words and tables of an OUTPUT_DIR as one page, a gallery, and a methods paragraph."""
