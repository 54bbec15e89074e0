"""Programs sent to the cluster, one file each; read as files, imported by nobody."""
