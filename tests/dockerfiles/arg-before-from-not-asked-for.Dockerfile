ARG TARGET=/flows
FROM python:3.11-slim
COPY flow.py $TARGET/
