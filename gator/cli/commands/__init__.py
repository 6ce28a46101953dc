"""The commands of `gator`, a file each."""
