"""Shared libraries that Python packages need of the system, and the Debian packages that have them.

The source are the ``shlibs`` files of the packages of Debian 12 and 13 (``dpkg-deb -I`` shows
them). Where Debian 13 has renamed a package (libgeos-c1v5 is libgeos-c1t64 there), the new one
provides the old name, so that one name works in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SYSTEM_LIBRARIES: Mapping[str, str] = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libICE.so.6": "libice6",
    "libOpenGL.so.0": "libopengl0",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXcomposite.so.1": "libxcomposite1",
    "libXdamage.so.1": "libxdamage1",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXrandr.so.2": "libxrandr2",
    "libXrender.so.1": "libxrender1",
    "libXtst.so.6": "libxtst6",
    "libaio.so.1": "libaio1",  # not in Debian 13, where it is libaio.so.1t64
    "libarchive.so.13": "libarchive13",
    "libasound.so.2": "libasound2",
    "libatk-1.0.so.0": "libatk1.0-0",
    "libatk-bridge-2.0.so.0": "libatk-bridge2.0-0",
    "libatomic.so.1": "libatomic1",
    "libatspi.so.0": "libatspi2.0-0",
    "libcairo.so.2": "libcairo2",
    "libcups.so.2": "libcups2",
    "libcurl.so.4": "libcurl4",
    "libdbus-1.so.3": "libdbus-1-3",
    "libenchant-2.so.2": "libenchant-2-2",
    "libexpat.so.1": "libexpat1",
    "libexslt.so.0": "libxslt1.1",
    "libfbclient.so.2": "libfbclient2",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgbm.so.1": "libgbm1",
    "libgdal.so.32": "libgdal32",  # Debian 12
    "libgdal.so.36": "libgdal36",  # Debian 13
    "libgdk_pixbuf-2.0.so.0": "libgdk-pixbuf-2.0-0",
    "libgeos_c.so.1": "libgeos-c1v5",
    "libgfortran.so.5": "libgfortran5",
    "libgio-2.0.so.0": "libglib2.0-0",
    "libgirepository-1.0.so.1": "libgirepository-1.0-1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgtk-3.so.0": "libgtk-3-0",
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libhdf5_serial.so.103": "libhdf5-103-1",  # Debian 12
    "libhdf5_serial.so.310": "libhdf5-310",  # Debian 13
    "libhunspell-1.7.so.0": "libhunspell-1.7-0",
    "libjpeg.so.62": "libjpeg62-turbo",
    "libkrb5.so.3": "libkrb5-3",
    "liblapack.so.3": "liblapack3",
    "liblber-2.5.so.0": "libldap-2.5-0",  # Debian 12
    "liblber.so.2": "libldap2",  # Debian 13
    "libldap-2.5.so.0": "libldap-2.5-0",  # Debian 12
    "libldap.so.2": "libldap2",  # Debian 13
    "libleveldb.so.1d": "libleveldb1d",
    "libmagic.so.1": "libmagic1",
    "libmariadb.so.3": "libmariadb3",
    "libmecab.so.2": "libmecab2",
    "libnetcdf.so.19": "libnetcdf19",  # Debian 12
    "libnetcdf.so.22": "libnetcdf22",  # Debian 13
    "libnspr4.so": "libnspr4",
    "libnss3.so": "libnss3",
    "libnuma.so.1": "libnuma1",
    "libodbc.so.2": "unixodbc",  # which has odbcinst.ini for the drivers, and needs libodbc2
    "libodbcinst.so.2": "libodbcinst2",
    "libopenblas.so.0": "libopenblas0",
    "libopenjp2.so.7": "libopenjp2-7",
    "libopenslide.so.0": "libopenslide0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangocairo-1.0.so.0": "libpangocairo-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libpcap.so.0.8": "libpcap0.8",
    "libpoppler-cpp.so.0": "libpoppler-cpp0v5",  # Debian 12
    "libpoppler-cpp.so.2": "libpoppler-cpp2",  # Debian 13
    "libportaudio.so.2": "libportaudio2",
    "libpq.so.5": "libpq5",
    "libproj.so.25": "libproj25",
    "librdkafka.so.1": "librdkafka1",
    "libsasl2.so.2": "libsasl2-2",
    "libsecret-1.so.0": "libsecret-1-0",
    "libsnappy.so.1": "libsnappy1v5",
    "libsndfile.so.1": "libsndfile1",
    "libsodium.so.23": "libsodium23",
    "libspatialindex.so.6": "libspatialindex6",  # Debian 12
    "libspatialindex.so.8": "libspatialindex8",  # Debian 13
    "libsybdb.so.5": "libsybdb5",
    "libtbb.so.12": "libtbb12",
    "libtesseract.so.5": "libtesseract5",
    "libtiff.so.6": "libtiff6",
    "libtk8.6.so": "libtk8.6",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libvips.so.42": "libvips42",
    "libwebp.so.7": "libwebp7",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxml2.so.2": "libxml2",
    "libxmlsec1.so.1": "libxmlsec1",
    "libxslt.so.1": "libxslt1.1",
    "libyaml-0.so.2": "libyaml-0-2",
    "libzbar.so.0": "libzbar0",
    "libzmq.so.5": "libzmq5",
}
"""Shared library, as programs name it → the Debian package that has it."""

# What packages say that search for a library by its name → the library.
_NOT_FOUND = {
    "failed to find libmagic": "libmagic.so.1",
    "libpq library not found": "libpq.so.5",  # psycopg without its extra "binary"
    "sndfile library not found": "libsndfile.so.1",
    "PortAudio library not found": "libportaudio.so.2",
    "Unable to find zbar shared library": "libzbar.so.0",
    "Could not find lib geos_c": "libgeos_c.so.1",
    'no library called "cairo-2" was found': "libcairo.so.2",
}


def missing_library(message: str) -> str:
    """The library that `message` says is missing; "" if it says something else."""
    for text, library in _NOT_FOUND.items():
        if text in message:
            return library
    loader = r"(?<![\w/.+-])(?:(lib[\w.+-]+?\.so[\w.]*)|([\w.+-]+)): cannot open shared object"
    found = re.search(loader, message) or re.search(
        r"cannot load library '(?:(lib[\w.+-]+?\.so[\w.]*)|([\w.+-]+))'", message
    )
    return (found[1] or f"lib{found[2].removeprefix('lib')}") if found else ""


def debian_package(library: str) -> str | None:
    """The package with a library; one without a version can be any of that name."""
    if ".so." in library or library in SYSTEM_LIBRARIES:
        return SYSTEM_LIBRARIES.get(library)
    stem = library.removesuffix(".so")
    named = {  # ctypes searches for gobject-2.0-0, which is libgobject-2.0.so.0
        package
        for name, package in SYSTEM_LIBRARIES.items()
        if stem in (name.partition(".so")[0], name.replace(".so.", "-"))
    }
    return named.pop() if len(named) == 1 else None
