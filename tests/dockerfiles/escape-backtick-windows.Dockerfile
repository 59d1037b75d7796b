# escape=`
FROM mcr.example.com/windows/servercore:ltsc2022
COPY flow.py C:\flows\
COPY flow.py c:/flows/
