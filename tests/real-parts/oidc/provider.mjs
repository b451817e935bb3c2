// A provider as it should be: oidc-provider, with its own pages for sign-in and consent.
//
//     provider.mjs MODULES PORT FOLDER
//
// FOLDER holds site.pem and site.key, and provider.json: {client_id, client_secret, redirect_uris}. FOLDER/users.json is read anew for
// each look-up: {"alice": {"sub", "email", "email_verified", "name"}, …}; any password is right. FOLDER/keys.json holds the signing
// keys; where there is none, two are made.

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [modules, port, folder] = process.argv.slice(2);
const { default: Provider } = await import(`${modules}/oidc-provider/lib/index.js`);
const place = (name) => `${folder}/${name}`;
const read = (name) => JSON.parse(readFileSync(place(name), 'utf8'));

function newKey(kid) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}

if (!existsSync(place('keys.json'))) {
  const stamp = Date.now();
  writeFileSync(place('keys.json'), JSON.stringify({ keys: [newKey(`a-${stamp}`), newKey(`b-${stamp}`)] }));
}

const issuer = `https://localhost:${port}`;
const provider = new Provider(issuer, {
  clients: [{
    ...read('provider.json'),
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  jwks: read('keys.json'),
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  scopes: ['openid', 'email', 'profile', 'offline_access'],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
  ttl: { AccessToken: 300, IdToken: 300, Session: 600, Grant: 600, Interaction: 300, AuthorizationCode: 60 },
  cookies: { keys: ['a key of the tests'] },
  findAccount(_context, name) {
    const user = read('users.json')[name];
    return user && { accountId: name, claims: () => user };
  },
});

const tls = { cert: readFileSync(place('site.pem')), key: readFileSync(place('site.key')) };
createServer(tls, provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
