"""A package, so that processes that tests start find their module whatever else is called `tests`."""
