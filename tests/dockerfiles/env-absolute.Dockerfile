FROM prefecthq/prefect:3.8.8-python3.11
ENV TARGET=/opt/prefect/flows
COPY flow.py ${TARGET}
