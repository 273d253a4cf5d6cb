"""The studies of `moee study`: a file each makes clips with a network, measures them, says what it found."""
