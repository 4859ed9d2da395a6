"""``python -m ingestkit_cli`` is the ``ingestkit`` command."""

from ingestkit_cli.main import main

if __name__ == "__main__":
    main()
