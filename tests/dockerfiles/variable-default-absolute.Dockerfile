FROM prefecthq/prefect:3.8.8-python3.11
COPY flow.py ${TARGET:-/flows}/
