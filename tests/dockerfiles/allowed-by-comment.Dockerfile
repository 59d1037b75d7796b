FROM prefecthq/prefect:3.8.8-python3.11
# flowship: ignore=relative-destination
COPY flow.py flows/
COPY a b/
