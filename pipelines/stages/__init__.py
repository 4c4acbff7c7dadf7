"""One verb, one file: each reads files of OUTPUT_DIR and writes others."""
