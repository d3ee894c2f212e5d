<?php
// Signs payloads as a provider written in PHP does. One JSON request per line on standard input,
// one JSON answer per line on standard output.
//
//   payload    the JSON text of the data, which PHP then holds as arrays
//   sort       whether the body is sent with sorted keys
//   body       JSON_* flags of the body
//   sign       JSON_* flags of the text signed, or null: the body as sent is signed
//   precision  serialize_precision: -1 or 17
//   digest     "sha256" or "sha512"
//   bom        whether a byte order mark precedes the body
//   secret     the key
declare(strict_types=1);

while (($line = fgets(STDIN)) !== false) {
    $request = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    ini_set('serialize_precision', (string) $request['precision']);
    $data = json_decode($request['payload'], true, 512, JSON_THROW_ON_ERROR);
    $sorted = $data;
    ksort($sorted);
    $body = json_encode($request['sort'] ? $sorted : $data, $request['body'] | JSON_THROW_ON_ERROR);
    $body = ($request['bom'] ? "\xEF\xBB\xBF" : '') . $body;
    $text = $request['sign'] === null
        ? $body
        : json_encode($sorted, $request['sign'] | JSON_THROW_ON_ERROR);
    echo json_encode([
        'body' => base64_encode($body),
        'signature' => hash_hmac($request['digest'], $text, $request['secret']),
    ]), "\n";
}
