FROM prefecthq/prefect:3.8.8-python3.11
WORKDIR flows
COPY flow.py .
