ARG TARGET=/flows
FROM python:3.11-slim
ARG TARGET
COPY flow.py $TARGET/
