"""The only place where rooms meet: stages, command line, tracking, report."""
