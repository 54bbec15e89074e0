"""One plug-in for every door, each as small as it can be."""
