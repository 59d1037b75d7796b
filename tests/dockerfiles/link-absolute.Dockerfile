FROM prefecthq/prefect:3.8.8-python3.11
COPY --link --chown=1000 flow.py /flows/
