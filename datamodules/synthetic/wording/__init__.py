"""Words and sentence patterns of emotions in five languages, as tables."""
