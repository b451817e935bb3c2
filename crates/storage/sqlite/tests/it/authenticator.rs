//! An authenticator in software: it makes passkeys and signs with them as a real one would, or as an attacker's would.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_kit::{Entropy as _, SystemEntropy};
use serde_json::{Value, json};

pub(crate) const ORIGIN: &str = "https://app.example.org";
const SITE: &str = "app.example.org";

/// The flags of an authenticator's data (WebAuthn Level 3 §6.1).
pub(crate) const PRESENT: u8 = 0x01;
pub(crate) const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// One passkey in its authenticator.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    pub(crate) credential: Vec<u8>,
    /// The account that it was made for.
    pub(crate) handle: String,
    pub(crate) counter: u32,
}

/// What is said beside the signature; whatever is not said is right.
pub(crate) struct Says<'a> {
    pub(crate) origin: &'a str,
    pub(crate) site: &'a str,
    pub(crate) flags: u8,
    pub(crate) kind: Option<&'a str>,
    pub(crate) challenge: Option<&'a str>,
    pub(crate) handle: Option<Option<&'a str>>,
    pub(crate) credential: Option<&'a [u8]>,
    pub(crate) is_framed: bool,
    pub(crate) is_forged: bool,
}

impl Default for Says<'_> {
    fn default() -> Self {
        Self {
            origin: ORIGIN,
            site: SITE,
            flags: PRESENT | VERIFIED,
            kind: None,
            challenge: None,
            handle: None,
            credential: None,
            is_framed: false,
            is_forged: false,
        }
    }
}

impl Says<'_> {
    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = self.challenge.unwrap_or_else(|| options["challenge"].as_str().expect("a challenge"));
        let data = json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": self.is_framed,
        });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, flags: u8, counter: u32) -> Vec<u8> {
        [&sha256(self.site.as_bytes())[..], &[self.flags | flags], &counter.to_be_bytes()].concat()
    }
}

impl Authenticator {
    /// One that counts its signatures from one on.
    pub(crate) fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        Self { key, credential: SystemEntropy.bytes::<32>().to_vec(), handle: String::new(), counter: 1 }
    }

    /// One that counts nothing, as those that are copied between devices.
    pub(crate) fn without_counter() -> Self {
        Self { counter: 0, ..Self::new() }
    }

    /// Makes the passkey that the options ask for.
    pub(crate) fn make(&mut self, options: &Value, says: &Says<'_>) -> Value {
        options["user"]["id"].as_str().expect("a user handle").clone_into(&mut self.handle);
        let client_data = says.client_data("webauthn.create", options);
        let id = says.credential.unwrap_or(&self.credential);
        let length = u16::try_from(id.len()).expect("short");
        let head = says.authenticator_data(ATTESTED, self.counter);
        let data = [&head[..], &[0; 16], &length.to_be_bytes(), id, &self.cose_key()].concat();
        let object = attestation_object(&data);
        json!({
            "id": b64(id),
            "rawId": b64(id),
            "type": "public-key",
            "response": {"attestationObject": b64(&object), "clientDataJSON": b64(&client_data), "transports": ["internal"]},
            "clientExtensionResults": {"credProps": {"rk": true}},
        })
    }

    /// Signs, and counts it.
    pub(crate) fn sign(&mut self, options: &Value, says: &Says<'_>) -> Value {
        if self.counter > 0 {
            self.counter += 1;
        }
        self.sign_as(options, says, self.counter)
    }

    /// Signs with any counter.
    pub(crate) fn sign_as(&self, options: &Value, says: &Says<'_>, counter: u32) -> Value {
        let client_data = says.client_data("webauthn.get", options);
        let data = says.authenticator_data(0, counter);
        let signed = [&data[..], &sha256(&client_data)].concat();
        let mut signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature").as_ref().to_vec();
        if says.is_forged {
            let other = Self::new();
            signature = other.key.sign(&SystemRandom::new(), &signed).expect("a signature").as_ref().to_vec();
        }
        let id = says.credential.unwrap_or(&self.credential);
        json!({
            "id": b64(id),
            "rawId": b64(id),
            "type": "public-key",
            "response": {
                "authenticatorData": b64(&data),
                "clientDataJSON": b64(&client_data),
                "signature": b64(&signature),
                "userHandle": says.handle.unwrap_or(Some(&self.handle)),
            },
            "clientExtensionResults": {},
        })
    }

    /// ES256 (RFC 9053 §7.1.1) in CBOR.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..65]);
        [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y].concat()
    }
}

/// With attestation `none` (WebAuthn Level 3 §8.7), in CBOR.
fn attestation_object(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short").to_be_bytes();
    [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59"[..], &length, data].concat()
}

fn sha256(octets: &[u8]) -> Vec<u8> {
    digest(&SHA256, octets).as_ref().to_vec()
}

pub(crate) fn b64(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

pub(crate) fn unb64(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("a text")).expect("base64url")
}
