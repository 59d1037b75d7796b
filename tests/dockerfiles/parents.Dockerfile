FROM prefecthq/prefect:3.8.8-python3.11
COPY --parents src/a.py src/b.py flows/
