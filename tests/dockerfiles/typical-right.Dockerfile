FROM prefecthq/prefect:3.8.8-python3.11
COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir -r /tmp/requirements.txt
COPY flows/ /opt/prefect/flows/
COPY data/ /opt/prefect/data/
