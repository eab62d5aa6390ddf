"""`python -m synapse`: the command line, where the command `synapse` is not in the PATH."""

from synapse.cli import main

if __name__ == "__main__":
    main()
