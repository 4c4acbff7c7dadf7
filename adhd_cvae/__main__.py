"""``python -m adhd_cvae`` is the command line."""

from pipelines.cli.main import main

if __name__ == "__main__":
    main()
