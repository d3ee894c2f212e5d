"""Bytes and documents on the wire: strict decoding, typed fields, printing, signatures."""
