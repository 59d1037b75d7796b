"""Asks a built image for its flow."""
