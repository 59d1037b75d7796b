"""The order of the steps of commands that change what is deployed and build nothing."""
