// A provider that lies when told so: oauth2-mock-server, which signs everybody in at once and without pages.
//
//     mock.mjs MODULES PORT FOLDER
//
// FOLDER holds site.pem and site.key. FOLDER/orders.json is read anew for each request; all of it may be missing:
//
//     claims     merged into the ID token, `null` takes one away
//     header     merged into its header
//     sign       how it is signed: "none", "hs256" (with the public key as the secret), "stranger" (a key nobody knows, under the kid of
//                a known one), "unknown" (the same under a kid of its own), "jwk" (the same, and the key is in the header)
//     discovery  merged into the discovery document, `null` takes one away
//     userinfo   merged into the answer of the endpoint
//     at         by path, such as "/token", what is answered in place of the truth: {status, headers, body}; `huge` is that many
//                octets in a member of an else right answer, `slow` one octet a second for that many seconds
//
// FOLDER/asked.log tells method and path of each request.

import { createHmac, createPublicKey, createSign, generateKeyPairSync } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [modules, port, folder] = process.argv.slice(2);
const { OAuth2Issuer, OAuth2Service } = await import(`${modules}/oauth2-mock-server/dist/index.mjs`);
const place = (name) => `${folder}/${name}`;

function orders() {
  try {
    return JSON.parse(readFileSync(place('orders.json'), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
}

function merged(honest, lies = {}) {
  const result = { ...honest, ...lies };
  for (const [name, value] of Object.entries(lies)) if (value === null) delete result[name];
  return result;
}

const issuer = new OAuth2Issuer();
issuer.url = `https://localhost:${port}`;
const known = await issuer.keys.generate('RS256', { kid: 'known' });
const service = new OAuth2Service(issuer);
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PERSON = { sub: 'mallory-1', email: 'mallory@app.test', email_verified: true, name: 'Mallory' };

// What an honest provider says of whoever has just signed in.
const truth = () => ({ ...PERSON, auth_time: Math.floor(Date.now() / 1000) });

const text = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// The token once more, as the orders want it.
function forged(token, { claims, header, sign }) {
  const [first, second] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  const payload = merged({ ...second, ...truth() }, claims);
  const head = (more) => text(merged({ ...first, ...more }, header));
  const strange = (input) => createSign('RSA-SHA256').update(input).sign(stranger.privateKey, 'base64url');
  const forms = {
    none: () => [head({ alg: 'none' }), () => ''],
    hs256: () => {
      const pem = createPublicKey({ key: known, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
      return [head({ alg: 'HS256' }), (input) => createHmac('sha256', pem).update(input).digest('base64url')];
    },
    stranger: () => [head({}), strange],
    unknown: () => [head({ kid: 'nobody' }), strange],
    jwk: () => [head({ kid: 'own', jwk: stranger.publicKey.export({ format: 'jwk' }) }), strange],
  };
  if (!sign) return null;
  const [start, signature] = forms[sign]();
  const input = `${start}.${text(payload)}`;
  return `${input}.${signature(input)}`;
}

service.on('beforeTokenSigning', (token) => {
  const { claims, header } = orders();
  token.payload = merged({ ...token.payload, ...truth() }, claims);
  token.header = merged(token.header, header);
});
service.on('beforeUserinfo', (response) => {
  response.body = merged(PERSON, orders().userinfo);
});
service.on('beforeResponse', (response) => {
  const token = forged(response.body.id_token, orders());
  if (token) response.body.id_token = token;
});

function discovery(lies) {
  const at = (path) => `${issuer.url}${path}`;
  return merged({
    issuer: issuer.url,
    authorization_endpoint: at('/authorize'),
    token_endpoint: at('/token'),
    userinfo_endpoint: at('/userinfo'),
    jwks_uri: at('/jwks'),
    revocation_endpoint: at('/revoke'),
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'email', 'profile'],
  }, lies);
}

function answer(response, { status = 200, headers = { 'Content-Type': 'application/json' }, body = '', huge, slow }) {
  response.writeHead(status, headers);
  if (huge) return response.end(JSON.stringify({ padding: 'x'.repeat(huge) }));
  if (!slow) return response.end(body);
  let left = slow;
  const drip = setInterval(() => (left-- > 0 ? response.write(' ') : (clearInterval(drip), response.end('{}'))), 1000);
  response.on('close', () => clearInterval(drip));
}

const tls = { cert: readFileSync(place('site.pem')), key: readFileSync(place('site.key')) };
createServer(tls, (request, response) => {
  const path = request.url.split('?')[0];
  appendFileSync(place('asked.log'), `${request.method} ${path}\n`);
  const told = orders();
  if (told.at?.[path]) return answer(response, told.at[path]);
  if (path === '/.well-known/openid-configuration') return answer(response, { body: JSON.stringify(discovery(told.discovery)) });
  return service.requestHandler(request, response);
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
