"""Speed and memory measurements on this machine."""
