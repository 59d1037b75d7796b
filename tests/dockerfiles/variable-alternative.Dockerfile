FROM prefecthq/prefect:3.8.8-python3.11
ENV DEBUG=1
COPY flow.py ${DEBUG:+debug}/flows/
