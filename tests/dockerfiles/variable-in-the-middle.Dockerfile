FROM prefecthq/prefect:3.8.8-python3.11
ARG NAME
COPY flow.py flows/$NAME/
