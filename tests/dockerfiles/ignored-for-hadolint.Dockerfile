FROM prefecthq/prefect:3.8.8-python3.11
# hadolint ignore=DL3045
COPY flow.py flows/
