FROM prefecthq/prefect:3.8.8-python3.11
ARG ROOT=/opt
ENV TARGET=$ROOT/prefect
COPY flow.py $TARGET/flows/
