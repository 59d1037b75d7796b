FROM registry.example.com/team/base:1.2
COPY flow.py flows/
