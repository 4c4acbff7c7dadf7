"""OUTPUT_DIR: its files, their record, its lock; one writer and one reader of each file."""
