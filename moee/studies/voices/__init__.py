"""What the parts that listen make of real voices."""
