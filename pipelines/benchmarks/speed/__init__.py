"""How quick this machine is, beside other ways to do the same."""
