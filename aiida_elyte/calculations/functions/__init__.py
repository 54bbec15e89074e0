"""calcfunctions: unwrap, call the science, wrap."""
