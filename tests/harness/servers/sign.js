// The aggregator's own sample, run as it stands. One JSON request per line on standard input,
// one JSON answer per line on standard output, so that one process signs thousands of bodies.
// "sorted" is the scratch-card platform's: HMAC-SHA512 over keys sorted at every depth.
//
//   {"op":"sign","body":"<JSON text without hmac>","secret":"s"}  -> {"text":"…","hex":"…"}
//   {"op":"verify","body":"<JSON text with hmac>","secret":"s"}   -> {"ok":true}
//   {"op":"raw","body":"<text>","secret":"s"}                     -> {"hex":"…"}
//   {"op":"sorted","body":"<JSON text>","secret":"s"}             -> {"text":"…","hex":"…"}
//   {"op":"rsa","body":"<text>","secret":"<private key>"}           -> {"base64":"…"}
//   {"op":"number","body":"<JSON number>"}                        -> {"text":"…"}
'use strict';

const crypto = require('crypto');
const readline = require('readline');

// --- begin: the sample of the provider's document -------------------------------------------
function verifyCallbackSignature(reqBody, agentSecret) {
  const { hmac, ...payload } = reqBody;
  if (!hmac) return false;

  const sorted = Object.keys(payload).sort()
    .reduce((acc, k) => { acc[k] = payload[k]; return acc; }, {});

  const expected = crypto
    .createHmac('sha256', agentSecret)
    .update(JSON.stringify(sorted))
    .digest('hex');

  return hmac === expected;
}
// --- end: the sample of the provider's document ---------------------------------------------

function signedText(reqBody) {
  const { hmac, ...payload } = reqBody;
  const sorted = Object.keys(payload).sort()
    .reduce((acc, k) => { acc[k] = payload[k]; return acc; }, {});
  return JSON.stringify(sorted);
}

function hex(text, secret) {
  return crypto.createHmac('sha256', secret).update(text).digest('hex');
}

function sortedDeep(value) {
  if (Array.isArray(value)) return value.map(sortedDeep);
  if (value === null || typeof value !== 'object') return value;
  return Object.keys(value).sort()
    .reduce((acc, k) => { acc[k] = sortedDeep(value[k]); return acc; }, {});
}

const operations = {
  sign({ body, secret }) {
    const text = signedText(JSON.parse(body));
    return { text, hex: hex(text, secret) };
  },
  verify({ body, secret }) {
    return { ok: verifyCallbackSignature(JSON.parse(body), secret) };
  },
  raw({ body, secret }) {
    return { hex: hex(body, secret) };
  },
  rsa({ body, secret }) {
    return { base64: crypto.createSign('RSA-SHA256').update(body).sign(secret, 'base64') };
  },
  sorted({ body, secret }) {
    const text = JSON.stringify(sortedDeep(JSON.parse(body)));
    return { text, hex: crypto.createHmac('sha512', secret).update(text).digest('hex') };
  },
  number({ body }) {
    return { text: JSON.stringify(JSON.parse(body)) };
  },
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  process.stdout.write(JSON.stringify(operations[request.op](request)) + '\n');
});
