//! Entities to store: every field has a value of its own, so that a swapped column shows.

use doorward_kit::id::{DeviceId, FactorId, IdentityId, MailId, OneTimeId, SignUpId};
use doorward_kit::{ClientAddr, RequestId, SessionId, Timestamp, TokenDigest, UserId};

use crate::account::{EmailAddress, User};
use crate::audit::{AuditEvent, AuditRecord, CutField, MetaKey, Outcome};
use crate::ceremony::{Ceremony, CeremonyKind};
use crate::device::Device;
use crate::factor::{Factor, FactorKind};
use crate::federation::Identity;
use crate::gate_pass::GatePass;
use crate::one_time::{OneTime, Purpose};
use crate::outbox::{MailKind, SealedMail};
use crate::session::{PreviousCredential, Session};
use crate::verification::PendingSignUp;

/// Seconds after an arbitrary instant, with a microsecond part that must survive.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microsecond(1_700_000_000_000_007 + seconds * 1_000_000).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Sixteen octets from a family and a number, ordered by number.
fn octets(family: u8, number: u32) -> [u8; 16] {
    let mut out = [family; 16];
    out[12..].copy_from_slice(&number.to_be_bytes());
    out
}

pub(super) fn digest(family: u8, number: u32) -> TokenDigest {
    let mut out = [family; 32];
    out[..4].copy_from_slice(&number.to_be_bytes());
    TokenDigest(out)
}

fn email(number: u32) -> EmailAddress {
    EmailAddress { display: format!("Person.{number}@example.org"), canonical: format!("person.{number}@example.org") }
}

pub(super) fn user(number: u32) -> User {
    User {
        id: UserId::from_bytes(octets(1, number)),
        email: email(number),
        display_name: format!("Name {number} – ü"),
        avatar_url: Some(format!("https://example.org/{number}.png")),
        bio: Some("two\nlines".to_owned()),
        password_hash: Some(format!("$argon2id$hash-{number}")),
        roles: vec!["auditor".to_owned(), "staff".to_owned()],
        disabled_at: Some(at(3)),
        credential_version: number + 7,
        has_second_factor: false,
        created_at: at(1),
    }
}

pub(super) fn session(user: &User, number: u32) -> Session {
    Session {
        id: SessionId::from_bytes(octets(2, number)),
        user_id: user.id,
        digest: digest(2, number),
        previous: Some(PreviousCredential { digest: digest(8, number), until: at(11) }),
        rotated_at: at(12),
        authenticated_at: at(13),
        is_two_factor: number % 3 == 1,
        is_remembered: number % 2 == 1,
        created_at: at(10),
        last_seen_at: at(20),
        expires_at: at(1000),
        user_agent: format!("agent {number}"),
        client: ClientAddr::new([198, 51, 100, 7].into()),
    }
}

/// A pending sign-up; all of them share one address.
pub(super) fn sign_up(number: u32) -> PendingSignUp {
    PendingSignUp {
        id: SignUpId::from_bytes(octets(3, number)),
        email: email(0),
        display_name: format!("Pending {number}"),
        roles: vec!["staff".to_owned()],
        password_hash: format!("$argon2id$pending-{number}"),
        digest: digest(3, number),
        created_at: at(10),
        expires_at: at(100),
    }
}

pub(super) fn mail(number: u32) -> SealedMail {
    SealedMail {
        id: MailId::from_bytes(octets(4, number)),
        kind: MailKind::Recovery,
        to: format!("person.{number}@example.org"),
        subject: format!("Subject {number}"),
        body: vec![0, 1, 2, 255],
        queued_at: at(i64::from(number)),
        attempts: 0,
    }
}

pub(super) fn record(number: u32) -> AuditRecord {
    AuditRecord {
        at: at(-i64::from(number)),
        event: AuditEvent::SignInFailed,
        outcome: Outcome::Failure,
        actor: Some(UserId::from_bytes(octets(5, number))),
        subject_hash: Some("0123abcd".to_owned()),
        client_ip: Some([198, 51, 100, 7].into()),
        peer_ip: Some([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
        client_prefix: Some("198.51.100.7/32".to_owned()),
        user_agent: Some("agent".to_owned()),
        request_id: Some(RequestId::from_bytes(octets(6, number))),
        method: Some("POST".to_owned()),
        route: Some("/api/auth/login".to_owned()),
        host: Some("app.example.org".to_owned()),
        session: Some(SessionId::from_bytes(octets(7, number))),
        node: "node-1".to_owned(),
        version: "9.9.9".to_owned(),
        reason: Some("unknown".to_owned()),
        count: Some(u64::from(number)),
        meta: vec![(MetaKey::Scope, "a \"b\", ü".to_owned()), (MetaKey::Fields, String::new())],
        truncated: vec![CutField::Route, CutField::Meta],
    }
}

pub(super) fn one_time(purpose: Purpose, number: u32) -> OneTime {
    OneTime {
        id: OneTimeId::from_bytes(octets(9, number)),
        digest: digest(6, number),
        purpose,
        created_at: at(10),
        expires_at: at(100),
    }
}

/// The higher the number, the later it began.
pub(super) fn device(user: &User, number: u32) -> Device {
    Device {
        id: DeviceId::from_bytes(octets(10, number)),
        user_id: user.id,
        digest: digest(7, number),
        browser: format!("Browser {number}"),
        created_at: at(i64::from(number)),
        expires_at: at(100),
    }
}

pub(super) fn ceremony(kind: CeremonyKind, number: u32) -> Ceremony {
    Ceremony {
        digest: digest(11, number),
        kind,
        user_id: None,
        session_id: None,
        body: vec![0, 255, 7],
        attempts: 0,
        created_at: at(10),
        expires_at: at(100),
    }
}

pub(super) fn credential(number: u32) -> Vec<u8> {
    [b"\0credential".as_slice(), &number.to_be_bytes()].concat()
}

/// The higher the number, the later it was enrolled.
pub(super) fn passkey(user: &User, number: u32) -> Factor {
    Factor {
        id: FactorId::from_bytes(octets(11, number)),
        user_id: user.id,
        kind: FactorKind::Passkey,
        name: format!("Passkey {number} – ü"),
        credential: Some(credential(number)),
        secret: vec![0, 1, 255],
        counter: u64::from(number) + 5_000_000_000,
        created_at: at(i64::from(number)),
        last_used_at: Some(at(50)),
    }
}

pub(super) fn totp(user: &User, number: u32) -> Factor {
    Factor { kind: FactorKind::Totp, credential: None, ..passkey(user, number) }
}

/// The higher the number, the later it was linked.
pub(super) fn identity(user: &User, number: u32) -> Identity {
    Identity {
        id: IdentityId::from_bytes(octets(12, number)),
        user_id: user.id,
        provider: format!("provider-{number}"),
        issuer: "https://id.example".to_owned(),
        subject: format!("subject-{number}"),
        label: format!("person.{number}@elsewhere.example"),
        grant: Some(vec![0, 9, 255]),
        created_at: at(i64::from(number)),
        last_used_at: at(60),
    }
}

/// The higher the number, the later it was handed over.
pub(super) fn gate_pass(session: &Session, number: u32) -> GatePass {
    GatePass { digest: digest(12, number), gate: "grafana".to_owned(), session_id: session.id, created_at: at(i64::from(number)) }
}
