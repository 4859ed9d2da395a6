"""The words everyone speaks, and the machinery no format owns."""
