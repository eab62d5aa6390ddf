"""Running the jobs of plugins on this machine, each in a process of its own."""
