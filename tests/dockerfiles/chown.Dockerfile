FROM prefecthq/prefect:3.8.8-python3.11
COPY --chown=1000:1000 flow.py flows/
