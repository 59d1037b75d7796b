From python:3.11-slim
Copy flow.py /flows/
workdir /w
Add flow.py flows/
