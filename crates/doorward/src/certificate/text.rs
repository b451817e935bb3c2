//! Accounts, certificates, attempts and challenges as JSON, for files and for rows.

use doorward_acme::{Challenge, Ledger, StoredAccount, StoredCertificate};
use doorward_kit::{Host, Secret, Timestamp};
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub(super) fn of_account(account: &StoredAccount) -> Zeroizing<Vec<u8>> {
    octets(&json!({"directory": account.directory, "credentials": account.credentials_json.expose()}))
}

pub(super) fn account(text: &[u8]) -> Option<StoredAccount> {
    let value: Value = serde_json::from_slice(text).ok()?;
    Some(StoredAccount { directory: string(&value, "directory")?, credentials_json: Secret::new(string(&value, "credentials")?) })
}

pub(super) fn of_certificate(stored: &StoredCertificate) -> Zeroizing<Vec<u8>> {
    octets(&json!({
        "directory": stored.directory,
        "names": stored.names.iter().map(Host::as_str).collect::<Vec<_>>(),
        "chain": stored.chain_pem,
        "key": stored.key_pem.expose(),
        "issued_at": stored.issued_at.as_second(),
        "not_after": stored.not_after.as_second(),
    }))
}

pub(super) fn certificate(text: &[u8]) -> Option<StoredCertificate> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let names = value.get("names")?.as_array()?.iter().map(|name| name.as_str()?.parse().ok()).collect::<Option<_>>()?;
    Some(StoredCertificate {
        directory: string(&value, "directory")?,
        names,
        chain_pem: string(&value, "chain")?,
        key_pem: Secret::new(string(&value, "key")?),
        issued_at: instant(&value, "issued_at")?,
        not_after: instant(&value, "not_after")?,
    })
}

/// Times as text, to the nanosecond: an operator may want to read them.
pub(super) fn of_attempts(ledger: &Ledger) -> Zeroizing<Vec<u8>> {
    let times = |times: &Vec<Timestamp>| times.iter().map(Timestamp::to_string).collect::<Vec<_>>();
    let attempts: serde_json::Map<_, _> =
        ledger.attempts.iter().map(|(name, at)| (name.as_str().to_owned(), json!(times(at)))).collect();
    octets(&json!({"attempts": attempts, "left_alone_until": ledger.wish.map(|until| until.to_string())}))
}

pub(super) fn attempts(text: &[u8]) -> Option<Ledger> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let times = |value: &Value| value.as_array()?.iter().map(|at| at.as_str()?.parse().ok()).collect::<Option<Vec<_>>>();
    let attempts = value.get("attempts")?.as_object()?;
    let attempts = attempts.iter().map(|(name, at)| Some((name.parse().ok()?, times(at)?))).collect::<Option<_>>()?;
    let wish = match value.get("left_alone_until")? {
        Value::Null => None,
        until => Some(until.as_str()?.parse().ok()?),
    };
    Some(Ledger { attempts, wish })
}

pub(super) fn of_challenge(challenge: &Challenge) -> Zeroizing<Vec<u8>> {
    let digest: String = challenge.digest.iter().map(|octet| format!("{octet:02x}")).collect();
    octets(&json!({
        "token": challenge.token,
        "key_authorization": challenge.key_authorization,
        "host": challenge.host.as_str(),
        "digest": digest,
        "expires_at": challenge.expires_at.as_second(),
    }))
}

pub(super) fn challenge(text: &[u8]) -> Option<Challenge> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let digest = string(&value, "digest")?;
    let octet = |index: usize| u8::from_str_radix(digest.get(2 * index..2 * index + 2)?, 16).ok();
    let octets: Vec<u8> = (0..32).map(octet).collect::<Option<_>>()?;
    Some(Challenge {
        token: string(&value, "token")?,
        key_authorization: string(&value, "key_authorization")?,
        host: string(&value, "host")?.parse().ok()?,
        digest: octets.try_into().ok()?,
        expires_at: instant(&value, "expires_at")?,
    })
}

fn octets(value: &Value) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(value.to_string().into_bytes())
}

fn string(value: &Value, key: &str) -> Option<String> {
    Some(value.get(key)?.as_str()?.to_owned())
}

fn instant(value: &Value, key: &str) -> Option<Timestamp> {
    Timestamp::from_second(value.get(key)?.as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_what_is_cut_does_not() {
        let at = Timestamp::from_second(1_700_000_000).expect("an instant");
        let stored = StoredCertificate {
            directory: "https://a/dir".into(),
            names: vec!["app.example.com".parse().expect("a host")],
            chain_pem: "chain\n".into(),
            key_pem: Secret::new("key\n".into()),
            issued_at: at,
            not_after: at,
        };
        let text = of_certificate(&stored);
        let read = certificate(&text).expect("read back");
        assert_eq!(
            (read.directory, read.names, read.chain_pem, read.not_after),
            (stored.directory, stored.names, stored.chain_pem, at)
        );
        assert_eq!(read.key_pem.expose(), stored.key_pem.expose());
        let asked = Challenge {
            token: "token".into(),
            key_authorization: "token.print".into(),
            host: "app.example.com".parse().expect("a host"),
            digest: [0xab; 32],
            expires_at: at,
        };
        assert!(challenge(&of_challenge(&asked)).is_some_and(|read| read == asked));
        let kept = StoredAccount { directory: "https://a/dir".into(), credentials_json: Secret::new("{}".into()) };
        assert!(account(&of_account(&kept)).is_some_and(|read| read.credentials_json.expose() == "{}"));
        let (mut tried, names) =
            (Ledger::default(), ["app.example.com".parse().expect("a host"), "b.test".parse().expect("a host")]);
        for nanoseconds in [1, 2] {
            tried.attempt(&names, Timestamp::from_nanosecond(nanoseconds).expect("an instant"));
        }
        tried.heed(at);
        let noted = of_attempts(&tried);
        assert_eq!(attempts(&noted).as_ref(), Some(&tried));
        assert!((0..noted.len()).all(|length| attempts(&noted[..length]).is_none()));
        for length in 0..text.len() {
            assert!(
                certificate(&text[..length]).is_none()
                    && account(&text[..length]).is_none()
                    && challenge(&text[..length]).is_none()
            );
        }
    }
}
