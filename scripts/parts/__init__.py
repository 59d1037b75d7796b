"""The pieces `scripts/test` and `scripts/demo` are made of: the engine, the base image, …"""
