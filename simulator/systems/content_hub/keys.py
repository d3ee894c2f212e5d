"""The hub's keys: RSA-SHA256 (PKCS#1 v1.5) in base64, made with the library alone.

Who plays the hub needs its private key. A receiver that is configured with it verifies by the
public half, so a demonstration needs one secret only. Real providers keep theirs.
"""

from base64 import b64encode
from functools import cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

_PEM = b"-----BEGIN"
_BITS = 2_048
_EXPONENT = 65_537

DEMO_NAME = b"demo-content_hub-secret"
#: Known to everybody: for demonstrations and samples, in which no money is real.
_DEMO_KEY = b"""\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDSXgN/pR5DaDSX
8ihyD2eOGDDpI3bl2NopcA007hBA9tWOKpT1VydHbV6sgQpJTngVG1UtXNjlXoDy
cZASKc9XKpkc8xicO3AGgfv06/BxWkzObN33B+RJcTv9U3wZB/IFJCY0YIrGCxDg
HyM2EKayjfrMY00FkOCOS+1625DtZWgOUFKqLYLHLzI48lknraIG48FkgYpYPK1C
Juer+uKEbndNNkHxrjO/ljeVuQCw/RAkmrUkMLojkTCB4Nv0dZFY9UrwNOr9XvOR
l8qd6Jjp3kG3O1RSeLAVU1e4AKd0MMyhxvWemrV0mHIU7DDu05khXaBSUywj7FLw
QVl5dAaFAgMBAAECggEABb75JVL/LwlT3xmcxrQf2JGrFlcjD9dQQC+ra1hxpmCc
8oI8aYYiUHEO6V3TSC97QrJULYYay4sSW8JD1JHX9BIkYVYiLt7wafvCGXgaAXKd
ZJ8JzLimYOYq+g9TdViSS6x82aiQac/oEQMbYluVPg0i6P3GXwz3FpPsLj38k6te
dlsIcdo4GUOzrqBwLBJzjxG9ND2zqIv2k6XHseg4HRLb4V/EPWtY0X8XdDP6jGUk
V/h1/5tdYwdyjyURMlv6GPeLWPUdR/EsTHJFzob+EbftDLEFTLl40T9hvVlJvvHh
g3D+pV8/O3NjJaQyVRQSN+qBJG8y+pHGTBH/CvVT2QKBgQD3qwaWRAZLfOROwJ3Q
n6XBAteFG6VSmwxaTMdGqDr5ZBUMXt5xW6Pp0Bkw8AjldApXHT1ogVCDy/vbKNPd
ER7g2zu9YuB7FQ1ojqPtEcve+jr8/sFnd3Tc54SsuiYZyqjH22esaAqt4myPy4oH
RRpsQ3tbB5daElONgOCIfAOAzQKBgQDZcb6gqNgOEeRDOleKnY9Zs5Lsf+69cRcK
kU+QFr8b9dftumW98cG/qsjviGR0L0BkCnSH8KIfecZHJBJABxohfTEr8onssAno
f81Y+1HB4PTB/hmoJtrYtog/y+EwlsRW0QyT8WutnPm1i1JQ85DsUsZQ1joZWD5G
3pYPPdw8mQKBgCJ1Gv+BC1cpUyJZzhseexM1cALG6+NoSvmtQPRlp37XG86SzGP9
GfsHxtl2K+awlFe2a7rEcw1DLhE5xvA015T1K4SX4x98uFbZsZjkJvco3VghoYrh
pdKuK1lUtMRV29GihvQHraSvoecHrHaCeMCjSuBJWBdiAVnomlSi3GHpAoGBAIyX
lM/AG+INA2/MWynO8g7nosmzdiOa6XD1v2HEs1BaxoB5EqubktBglob5wym0G4gT
koEKv2hmjiMVWY94iBa7IX3u1erpb56ac6Vi6dvXnamIqAInDT0t2C6XnkSSVuRj
SiSl5h9c7b/KEzEwKrYCVyORQAN/INUluhSkxK+RAoGAFaW5Fo0GUONkP603tG0X
bpp3h2WyWQxjaM+dKjGkremfjWPUVk4+BXtROqvJYDfMz9bshMsh68MK4c9EnfCp
6t0zy9N5po68v+xD8SfZT3pJKYn20hGKH6SsRGjAaWevtnYlBrHPp4I/mZTPhKL6
o0ZL3JpLHdGqqYRnwTGAXv4=
-----END PRIVATE KEY-----
"""


@cache
def secret_of(name: bytes) -> bytes:
    """The private key of a name in PEM; a key is its own name."""
    if name.startswith(_PEM):
        return name
    if name == DEMO_NAME:
        return _DEMO_KEY.rstrip(b"\n")
    key = generate_private_key(_EXPONENT, _BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).rstrip(b"\n")


def signature(body: bytes, secret: bytes) -> str:
    """The signature of a body under a private key in PEM."""
    return b64encode(_private_key(secret).sign(body, PKCS1v15(), SHA256())).decode("ascii")


@cache
def _private_key(secret: bytes) -> RSAPrivateKey:
    key = load_pem_private_key(secret, password=None)
    assert isinstance(key, RSAPrivateKey)
    return key
