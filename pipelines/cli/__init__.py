"""The command line: verbs, options, exit status."""
