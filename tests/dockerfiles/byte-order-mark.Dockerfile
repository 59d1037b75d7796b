FROM python:3.11-slim
COPY flow.py flows/
