FROM scratch
COPY tool usr/bin/tool
