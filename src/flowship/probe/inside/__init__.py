"""What runs inside a built image, where flowship itself is not installed."""
